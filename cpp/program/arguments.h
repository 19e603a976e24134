// The command line of fastctc-transcribe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fastctc/configuration.h"
#include "fastctc/sample_reader.h"

enum class Output { text, words, json };

struct Arguments {
  std::string model;
  std::vector<std::string> files;  // "-": standard input
  fastctc::LoadOptions load;
  std::vector<std::string> options;          // JSON objects, of transcription or of streams
  std::optional<fastctc::SampleFormat> raw;  // not set: WAV
  int channel = -1;                          // -1: the mean of all
  bool split_channels = false;               // a conversation
  std::optional<int> latency_ms;             // given: as a live stream
  Output output = Output::text;
  bool verbose = false;
};

extern const char* const kUsage;

// Raises fastctc::OptionError that says what is wrong. Returns nothing after printing the help or the version.
std::optional<Arguments> read_arguments(int argc, char** argv);
