// What fastctc-transcribe prints.
#pragma once

#include <cstddef>
#include <string>

#include "arguments.h"
#include "fastctc/types.h"

class Printer {
 public:
  explicit Printer(const Arguments& arguments) : output_(arguments.output), names_(arguments.files.size() > 1) {}

  void print(const std::string& file, const fastctc::Transcript& transcript) const;
  void print(const std::string& file, const fastctc::Conversation& conversation) const;
  // A final result of a stream: one segment.
  void print(const std::string& file, const fastctc::StreamResult& result) const;

 private:
  void print_line(const std::string& file, const std::string& text) const;

  Output output_;
  bool names_;  // whether file names precede texts
};
