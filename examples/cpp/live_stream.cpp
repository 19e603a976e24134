// A call while it happens: live_stream MODEL RECORDING.wav, or - for a WAV stream from a pipe:
//   arecord -f S16_LE -r 16000 -t wav | live_stream MODEL -
#include <fastctc/error.h>
#include <fastctc/sample_reader.h>
#include <fastctc/stream.h>

#include <cstdio>
#include <string>
#include <vector>

namespace {

void print(fastctc::Stream& stream) {
  for (const fastctc::StreamResult& result : stream.take()) {
    std::printf("%s %6.2f %6.2f  %s\n", result.is_final ? "final  " : "partial", result.start_s, result.end_s,
                result.transcript.text.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: live_stream MODEL RECORDING.wav|-\n");
    return 2;
  }
  std::FILE* file = std::string(argv[2]) == "-" ? stdin : std::fopen(argv[2], "rb");
  if (!file) {
    std::perror(argv[2]);
    return 1;
  }
  try {
    const fastctc::Recognizer recognizer = fastctc::Recognizer::load(argv[1]);
    fastctc::StreamOptions options;
    options.latency_ms = recognizer.latencies_ms().empty() ? -1 : recognizer.latencies_ms().front();
    fastctc::Stream stream(recognizer, options);

    fastctc::SampleReader reader;
    char bytes[3200];  // 100 ms at 16 kHz; any size will do
    std::vector<float> samples;
    for (std::size_t n = 0; (n = std::fread(bytes, 1, sizeof bytes, file)) > 0; samples.clear()) {
      reader.push(bytes, n, samples);
      if (reader.has_format()) stream.push({samples.data(), samples.size(), reader.format().sample_rate_hz});
      print(stream);
    }
    stream.finish();  // every frame is flushed: the last word is there
    print(stream);
  } catch (const fastctc::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
