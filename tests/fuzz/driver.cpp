// Runs a fuzzer where there is no libFuzzer: the files that are named, then changes of them for some seconds.
//
//   fuzz_NAME [-max_total_time=SECONDS] [-seed=N] FILE|DIRECTORY...
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLargest = 1 << 16;  // of a file that is changed

void add(const std::filesystem::path& path, std::vector<Bytes>& corpus) {
  if (std::filesystem::is_directory(path)) {
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.is_regular_file()) add(entry.path(), corpus);
    }
    return;
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "%s can't be read.\n", path.u8string().c_str());
    std::exit(2);
  }
  corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

class Changes {
 public:
  explicit Changes(std::uint32_t seed) : random_(seed) {}

  // One to eight of: a bit turned, a byte or a large number put, a part removed, repeated, or taken from another file.
  Bytes of(const std::vector<Bytes>& corpus) {
    Bytes bytes = corpus[below(corpus.size())];
    if (bytes.size() > kLargest) bytes.resize(kLargest);
    for (std::size_t n = 1 + below(8); n > 0; --n) change(bytes, corpus[below(corpus.size())]);
    return bytes;
  }

 private:
  std::size_t below(std::size_t n) { return n == 0 ? 0 : random_() % n; }

  void change(Bytes& bytes, const Bytes& other) {
    const std::size_t at = below(bytes.size() + 1);
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t length = below(std::min<std::size_t>(bytes.size() - at, 64) + 1);
    switch (below(6)) {
      case 0:
        if (at < bytes.size()) bytes[at] ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 1:
        bytes.insert(begin, static_cast<std::uint8_t>(below(256)));
        break;
      case 2:  // lengths and counts
        bytes.insert(begin, 1 + below(8), below(2) == 0 ? 0xFF : 0x00);
        break;
      case 3:
        bytes.erase(begin, begin + static_cast<std::ptrdiff_t>(length));
        break;
      case 4: {
        const Bytes part(begin, begin + static_cast<std::ptrdiff_t>(length));
        bytes.insert(begin, part.begin(), part.end());
        break;
      }
      default: {
        const std::size_t first = below(other.size() + 1);
        const std::size_t last = first + below(std::min<std::size_t>(other.size() - first, 64) + 1);
        bytes.insert(begin, other.begin() + static_cast<std::ptrdiff_t>(first),
                     other.begin() + static_cast<std::ptrdiff_t>(last));
      }
    }
  }

  std::mt19937 random_;
};

}  // namespace

int main(int argc, char** argv) {
  double seconds = 0;
  std::uint32_t seed = 1;
  std::vector<Bytes> corpus(1);  // the empty file
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind("-max_total_time=", 0) == 0) {
      seconds = std::atof(argument.c_str() + 16);
    } else if (argument.rfind("-seed=", 0) == 0) {
      seed = static_cast<std::uint32_t>(std::atol(argument.c_str() + 6));
    } else {
      add(argument, corpus);
    }
  }
  for (const Bytes& bytes : corpus) LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  Changes changes(seed);
  std::size_t n_runs = corpus.size();
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  for (; Clock::now() < end; ++n_runs) {
    const Bytes bytes = changes.of(corpus);
    std::ofstream("fuzz-last-input", std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  std::filesystem::remove("fuzz-last-input");
  std::printf("%zu inputs, seed %u\n", n_runs, static_cast<unsigned>(seed));
  return 0;
}
