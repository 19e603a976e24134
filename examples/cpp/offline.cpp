// A recording to text, with the times of its words: offline MODEL RECORDING.wav
#include <fastctc/error.h>
#include <fastctc/recognizer.h>
#include <fastctc/sample_reader.h>

#include <cstdio>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: offline MODEL RECORDING.wav\n");
    return 2;
  }
  try {
    const fastctc::Recognizer recognizer = fastctc::Recognizer::load(argv[1]);
    const fastctc::Recording recording = fastctc::read_wav(argv[2]);
    const std::vector<float> samples = fastctc::mix(recording);
    // Any rate, any length; another thread may use the same recognizer meanwhile.
    const fastctc::Transcript transcript =
        recognizer.transcribe({samples.data(), samples.size(), recording.sample_rate_hz});
    std::printf("%s\n", transcript.text.c_str());
    for (const fastctc::Word& word : transcript.words) {
      std::printf("%6.2f %6.2f  %s (%.2f)\n", word.start_s, word.end_s, word.text.c_str(), word.confidence);
    }
  } catch (const fastctc::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
