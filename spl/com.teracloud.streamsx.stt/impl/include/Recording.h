// Recordings in files: their bytes, and what has to be there at the end of a WAV file, whoever reads it.
#pragma once

#include <fastctc/error.h>
#include <fastctc/sample_reader.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace speech_to_text {

// The bytes of a file, piece by piece.
class FileBytes {
 public:
  explicit FileBytes(const std::string& path) : file_(std::fopen(path.c_str(), "rb"), &std::fclose) {}

  bool is_open() const { return file_ != nullptr; }
  // How many came; 0: there are no more.
  std::size_t read(char* bytes, std::size_t n_bytes) {
    const std::size_t n = std::fread(bytes, 1, n_bytes, file_.get());
    is_empty_ = is_empty_ && n == 0;
    return n;
  }
  // Of a file that is not open, or that was read to its end: what is wrong with it; empty: nothing.
  std::string fault() const {
    if (!file_) return "there is no such file, or it can't be read.";
    if (std::ferror(file_.get())) return "can't be read to its end.";
    return is_empty_ ? "the file is empty." : std::string();
  }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  bool is_empty_ = true;
};

// The end of a WAV file; appends the last samples. Half a recording, or none, must not pass for a whole one: raises
// fastctc::AudioError on a header that is no WAV header or is cut, and on less audio than it promises; `samples` then
// still has what came.
inline void finish_wav(fastctc::SampleReader& reader, std::vector<float>& samples) {
  reader.finish(samples);
  if (reader.n_frames() == 0) throw fastctc::AudioError("The WAV file has a header and no audio.");
  if (!reader.is_cut_off()) return;
  throw fastctc::AudioError("The WAV file is truncated: it ends " + std::to_string(reader.n_missing_bytes()) +
                            " bytes before its header says. Send the whole file.");
}

}  // namespace speech_to_text
