// Many calls at once, each fed by a thread of its own, recognised as one batch: many_calls MODEL RECORDING.wav...
#include <fastctc/error.h>
#include <fastctc/sample_reader.h>
#include <fastctc/stream.h>

#include <algorithm>
#include <cstdio>
#include <thread>
#include <vector>

namespace {

// What a telephone would do, faster: 20 ms at a time.
void feed(fastctc::Stream& stream, const fastctc::Recording& recording) {
  const std::vector<float> samples = fastctc::mix(recording);
  const auto n_packet = static_cast<std::size_t>(recording.sample_rate_hz / 50);
  for (std::size_t begin = 0; begin < samples.size(); begin += n_packet) {
    stream.push({samples.data() + begin, std::min(n_packet, samples.size() - begin), recording.sample_rate_hz});
  }
  stream.finish();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: many_calls MODEL RECORDING.wav...\n");
    return 2;
  }
  try {
    const fastctc::Recognizer recognizer = fastctc::Recognizer::load(argv[1]);
    fastctc::StreamOptions options;
    options.partial_results = false;
    fastctc::StreamPool pool(recognizer, options);

    std::vector<fastctc::Recording> recordings;
    for (int i = 2; i < argc; ++i) recordings.push_back(fastctc::read_wav(argv[i]));
    std::vector<fastctc::Stream> calls;
    for (std::size_t i = 0; i < 8; ++i) calls.push_back(pool.open());
    std::vector<std::thread> telephones;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      telephones.emplace_back([&, i] { feed(calls[i], recordings[i % recordings.size()]); });
    }
    const auto is_done = [](const fastctc::Stream& call) { return call.done(); };
    while (!std::all_of(calls.begin(), calls.end(), is_done)) {
      if (pool.wait(0.1)) pool.step();  // one thread runs whatever is ready, up to 16 calls at a time
    }
    for (std::thread& telephone : telephones) telephone.join();
    for (std::size_t i = 0; i < calls.size(); ++i) {
      for (const fastctc::StreamResult& result : calls[i].take()) {
        std::printf("call %zu  %s\n", i, result.transcript.text.c_str());
      }
    }
  } catch (const fastctc::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
