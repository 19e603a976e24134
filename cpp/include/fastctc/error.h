// The errors of fastctc. Each message says what was wrong, where, and what to do.
#pragma once

#include <stdexcept>
#include <string>

#include "fastctc/export.h"

namespace fastctc {

// Base of every error that the library raises.
class FASTCTC_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The audio can't be used: not finite, far beyond [-1, 1], an absurd rate, too long for the model.
class FASTCTC_API AudioError : public Error {
 public:
  using Error::Error;
};

// There is no such recording.
class FASTCTC_API AudioNotFoundError : public AudioError {
 public:
  using AudioError::AudioError;
};

// The model directory, its graph, its manifest or its tokens can't be used.
class FASTCTC_API ModelError : public Error {
 public:
  using Error::Error;
};

// A file of the model is not there.
class FASTCTC_API ModelNotFoundError : public ModelError {
 public:
  using ModelError::ModelError;
};

// The token list can't be used; the message names the file and the line.
class FASTCTC_API VocabularyError : public ModelError {
 public:
  using ModelError::ModelError;
};

// An option is out of range, unknown, or contradicts another one.
class FASTCTC_API OptionError : public Error {
 public:
  using Error::Error;
};

// A text can't be aligned to the audio: it needs more frames than there are, or tokens that the model does not have.
class FASTCTC_API AlignmentError : public Error {
 public:
  using Error::Error;
};

// ONNX Runtime failed.
class FASTCTC_API EngineError : public Error {
 public:
  using Error::Error;
};

// The ONNX Runtime library is missing, or too old.
class FASTCTC_API EngineNotFoundError : public EngineError {
 public:
  using EngineError::EngineError;
};

}  // namespace fastctc
