#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "fastctc/error.h"
#include "live/stream_impl.h"

namespace fastctc {

class StreamPool::Impl {
 public:
  using Streams = std::vector<std::shared_ptr<Stream::Impl>>;

  Impl(const Recognizer& recognizer, const StreamOptions& options, std::size_t max_batch)
      : recognizer_(recognizer),
        options_(options),
        max_batch_(max_batch),
        signal_(std::make_shared<PoolSignal>()),
        detector_(Stream::Impl::open_detector(recognizer, options)) {
    if (max_batch == 0) throw OptionError("Option max_batch must be at least 1.");
    // Opens the graph and checks the options before the first stream.
    Stream::Impl(recognizer_, options_, signal_, detector_);
  }

  std::shared_ptr<Stream::Impl> open() {
    auto stream = std::make_shared<Stream::Impl>(recognizer_, options_, signal_, detector_);
    const std::lock_guard<std::mutex> lock(registry_mutex_);
    registry_.push_back(stream);
    return stream;
  }

  std::size_t step();
  bool wait(double timeout_s) const;
  std::size_t n_streams() const { return live().size(); }

 private:
  Streams live() const;
  Streams waiting(const Streams& streams) const;
  void run_batch(const Streams& batch);

  Recognizer recognizer_;
  StreamOptions options_;
  std::size_t max_batch_;
  std::shared_ptr<PoolSignal> signal_;
  std::shared_ptr<const SpeechDetector> detector_;
  std::mutex step_mutex_;
  mutable std::mutex registry_mutex_;
  mutable std::vector<std::weak_ptr<Stream::Impl>> registry_;
};

StreamPool::Impl::Streams StreamPool::Impl::live() const {
  const std::lock_guard<std::mutex> lock(registry_mutex_);
  Streams streams;
  for (const auto& entry : registry_) {
    if (auto stream = entry.lock()) streams.push_back(std::move(stream));
  }
  if (streams.size() < registry_.size()) registry_.assign(streams.begin(), streams.end());
  return streams;
}

// Streams with a chunk ready, those that waited longest first.
StreamPool::Impl::Streams StreamPool::Impl::waiting(const Streams& streams) const {
  std::vector<std::pair<std::uint64_t, std::shared_ptr<Stream::Impl>>> found;
  for (const auto& stream : streams) {
    const std::lock_guard<std::mutex> lock(stream->mutex);
    if (stream->is_ready()) found.emplace_back(stream->ready_since(), stream);
  }
  std::sort(found.begin(), found.end(), [](const auto& one, const auto& other) { return one.first < other.first; });
  Streams result;
  for (auto& entry : found) result.push_back(std::move(entry.second));
  return result;
}

std::size_t StreamPool::Impl::step() {
  const std::lock_guard<std::mutex> lock(step_mutex_);
  const Streams streams = live();
  Streams batch = waiting(streams);
  if (batch.size() > max_batch_) batch.resize(max_batch_);
  if (batch.empty()) return 0;
  run_batch(batch);
  // Otherwise a stream that waits would keep the caches of all streams of its last batch.
  for (const auto& stream : streams) {
    const std::lock_guard<std::mutex> stream_lock(stream->mutex);
    stream->acoustic().detach();
  }
  return batch.size();
}

void StreamPool::Impl::run_batch(const Streams& batch) {
  const StreamingModel& model = recognizer_.streaming_model(options_.latency_ms);
  // Locks in one order, whatever the batch's. Nothing else holds two of these at once.
  const auto lock_all = [](Streams streams) {
    std::sort(streams.begin(), streams.end());
    std::vector<std::unique_lock<std::mutex>> locks;
    for (const auto& stream : streams) locks.emplace_back(stream->mutex);
    return locks;
  };
  Streams running;
  std::vector<AcousticStream*> acoustic;
  std::vector<std::uint64_t> n_resets;
  StreamingModel::Batch windows;
  {
    const auto locks = lock_all(batch);
    for (const auto& stream : batch) {
      if (!stream->is_ready()) continue;  // it was reset in the meantime
      running.push_back(stream);
      acoustic.push_back(&stream->acoustic());
      n_resets.push_back(stream->n_resets());
    }
    windows = model.gather(acoustic);
  }
  std::string failure;
  try {
    model.compute(windows);
  } catch (const std::exception& error) {  // whatever the error, the streams get their windows back
    failure = error.what();
  }
  std::vector<std::string> failures;
  {
    const auto locks = lock_all(running);
    failures = model.scatter(windows, acoustic);
  }
  if (!failure.empty() && running.size() > 1) {
    // Each stream runs alone, which shows the one at fault.
    for (const auto& stream : running) run_batch({stream});
    return;
  }
  for (std::size_t i = 0; i < running.size(); ++i) {
    const std::lock_guard<std::mutex> lock(running[i]->mutex);
    if (running[i]->n_resets() != n_resets[i]) continue;
    running[i]->advance(failure.empty() ? failures[i] : failure);
  }
}

bool StreamPool::Impl::wait(double timeout_s) const {
  constexpr double kLongestS = 1e6;  // the clock's own range is finite
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(std::min(std::max(0.0, timeout_s), kLongestS));
  while (true) {
    std::uint64_t n_events = 0;
    {
      const std::lock_guard<std::mutex> lock(signal_->mutex);
      n_events = signal_->n_events;
    }
    if (!waiting(live()).empty()) return true;
    std::unique_lock<std::mutex> lock(signal_->mutex);
    const auto has_changed = [&] { return signal_->n_events != n_events; };
    if (!signal_->changed.wait_until(lock, end, has_changed)) return false;
  }
}

StreamPool::StreamPool(const Recognizer& recognizer, const StreamOptions& options, std::size_t max_batch)
    : impl_(std::make_shared<Impl>(recognizer, options, max_batch)) {}
StreamPool::~StreamPool() = default;
StreamPool::StreamPool(StreamPool&&) noexcept = default;
StreamPool& StreamPool::operator=(StreamPool&&) noexcept = default;

Stream StreamPool::open() { return Stream(impl_->open()); }
std::size_t StreamPool::step() { return impl_->step(); }
bool StreamPool::wait(double timeout_s) const { return impl_->wait(timeout_s); }
std::size_t StreamPool::n_streams() const { return impl_->n_streams(); }

}  // namespace fastctc
