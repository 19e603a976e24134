#include "fastctc/stream.h"

#include <algorithm>
#include <utility>

#include "fastctc/error.h"
#include "live/stream_impl.h"

namespace fastctc {
namespace {

constexpr std::size_t kBlockFrames = 64;
constexpr std::size_t kPieceSamples = 1 << 14;

const Frontend& streamable(const Recognizer& recognizer) {
  const Normalize normalize = recognizer.frontend().options().normalize;
  if (normalize == Normalize::none || normalize == Normalize::fixed) return recognizer.frontend();
  throw ModelError(
      "The model normalises its features over the whole utterance, so it can't recognise a live stream: nothing would "
      "come before the end. Use transcribe(), or a model trained for streams (normalize none).");
}

}  // namespace

// Lets one call in at a time: a second thread gets an error instead of a data race.
class Stream::Impl::Turn {
 public:
  explicit Turn(std::atomic_flag& busy) : busy_(busy) {
    if (busy_.test_and_set(std::memory_order_acquire)) {
      throw Error(
          "This stream is in use by another thread. A stream belongs to one thread at a time: give each signal a "
          "stream of its own, or guard it with a lock.");
    }
  }
  ~Turn() { busy_.clear(std::memory_order_release); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::atomic_flag& busy_;
};

std::shared_ptr<const SpeechDetector> Stream::Impl::open_detector(const Recognizer& recognizer,
                                                                  const StreamOptions& options) {
  if (options.vad.kind == VadKind::none) return nullptr;
  return std::make_shared<const SpeechDetector>(options.vad, recognizer.sample_rate_hz());
}

Stream::Impl::Impl(const Recognizer& recognizer, const StreamOptions& options, std::shared_ptr<PoolSignal> pool,
                   std::shared_ptr<const SpeechDetector> detector)
    : recognizer_(recognizer),
      model_(recognizer_.streaming_model(options.latency_ms)),
      options_(options),
      pool_(std::move(pool)),
      detector_(detector ? std::move(detector) : open_detector(recognizer_, options)),
      audio_(detector_.get(), options.sample_rate_hz, recognizer_.sample_rate_hz()),
      frontend_(streamable(recognizer_)),
      acoustic_(model_, options.start),
      decoder_(recognizer_, options),
      block_(recognizer_.frontend().n_features() * kBlockFrames) {}

void Stream::Impl::check_open() const {
  if (error_) std::rethrow_exception(error_);
  if (is_finished_) {
    throw AudioError("The stream is finished and takes no more audio. Call reset() for another signal.");
  }
}

void Stream::Impl::push(AudioView audio) {
  const Turn turn(busy_);
  const std::lock_guard<std::mutex> lock(mutex);
  check_open();
  audio_.check(audio);
  if (audio.n_samples == 0) return;
  guarded([&] {
    audio_.push(audio, [this] {
      feed();
      run();
    });
  });
  note_ready();
}

void Stream::Impl::finish() {
  const Turn turn(busy_);
  const std::lock_guard<std::mutex> lock(mutex);
  if (error_) std::rethrow_exception(error_);
  if (is_finished_) return;
  is_finished_ = true;
  if (audio_.n_pushed() == 0) {
    is_done_ = true;
    return;
  }
  guarded([&] {
    audio_.finish();
    feed();
    run();
  });
  note_ready();
}

// Runs work whose audio is already taken: after an error the stream can't go on without a gap.
template <class Work>
void Stream::Impl::guarded(Work&& work) {
  try {
    work();
  } catch (...) {
    if (!error_) error_ = std::current_exception();
    throw;
  }
}

// Moves audio on until it waits for the model.
void Stream::Impl::feed() {
  while (const StreamAudio::Utterance* utterance = audio_.utterance()) {
    if (!in_utterance_) begin_utterance();
    while (!is_flushed_ && audio_.n_samples() > 0) {
      const std::size_t n = std::min(kPieceSamples, audio_.n_samples());
      frontend_.push(audio_.samples(), n);
      audio_.taken(n);
      feed_frames(frontend_.n_ready_frames());
    }
    if (!utterance->is_over || !end_utterance()) return;
  }
  if (audio_.is_exhausted() && !is_done_) end_stream();
}

void Stream::Impl::feed_frames(std::size_t n_frames) {
  while (n_frames > 0) {
    const std::size_t n = std::min(n_frames, kBlockFrames);
    frontend_.take(block_.data(), n, kBlockFrames);
    acoustic_.push(block_.data(), n, kBlockFrames);
    n_frames -= n;
  }
}

void Stream::Impl::begin_utterance() {
  in_utterance_ = true;
  is_flushed_ = false;
  frontend_.reset();
  acoustic_.reset();
  decoder_.begin(static_cast<double>(audio_.utterance()->begin) / recognizer_.sample_rate_hz());
}

// Flushes an utterance whose samples are all taken; makes it final once the model has run everything. False: not yet.
bool Stream::Impl::end_utterance() {
  const StreamAudio::Utterance utterance = *audio_.utterance();
  if (!is_flushed_) {
    // Frames may reach past the end of the audio; no result does.
    decoder_.end_at(detector_ ? static_cast<double>(utterance.end - utterance.begin) / recognizer_.sample_rate_hz()
                              : audio_.pushed_s());
    frontend_.finish();
    feed_frames(frontend_.n_ready_frames());
    acoustic_.finish();
    is_flushed_ = true;
  }
  if (!acoustic_.done()) return false;
  decoder_.finish(detector_ ? EndpointCause::silence : EndpointCause::finish, results_);
  if (!detector_) is_done_ = true;
  in_utterance_ = false;
  audio_.next_utterance();
  return true;
}

// With speech detection the last utterance may have ended long before; an empty result then ends the stream.
void Stream::Impl::end_stream() {
  is_done_ = true;
  decoder_.begin(std::max(audio_.pushed_s(), decoder_.last_end_s()));
  decoder_.end_at(0);
  decoder_.finish(EndpointCause::finish, results_);
}

void Stream::Impl::run() {
  while (!pool_ && acoustic_.ready()) {
    advance(model_.step({&acoustic_}).front());
    if (error_) std::rethrow_exception(error_);
  }
}

void Stream::Impl::advance(const std::string& failure) {
  try {
    decoder_.step(acoustic_.take(), results_);
    if (!failure.empty()) throw EngineError(failure);
    feed();
  } catch (...) {  // take() raises it: other streams in the pool's step are not affected
    if (!error_) error_ = std::current_exception();
  }
  is_waiting_ = false;  // it had its turn
  note_ready();
}

void Stream::Impl::note_ready() {
  if (!pool_) return;
  if (is_ready() && !is_waiting_) ready_since_ = pool_->tell();
  is_waiting_ = is_ready();
}

void Stream::Impl::reset() {
  const Turn turn(busy_);
  const std::lock_guard<std::mutex> lock(mutex);
  audio_.reset();
  frontend_.reset();
  acoustic_.reset();
  decoder_.reset();
  results_.clear();
  ++n_resets_;
  is_finished_ = is_done_ = in_utterance_ = is_flushed_ = is_waiting_ = false;
  error_ = nullptr;
}

bool Stream::Impl::done() const {
  const std::lock_guard<std::mutex> lock(mutex);
  return is_done_;
}

bool Stream::Impl::ready() const {
  const std::lock_guard<std::mutex> lock(mutex);
  return is_ready();
}

std::vector<StreamResult> Stream::Impl::take() {
  const std::lock_guard<std::mutex> lock(mutex);
  if (results_.empty() && error_) std::rethrow_exception(error_);
  std::vector<StreamResult> results(std::make_move_iterator(results_.begin()), std::make_move_iterator(results_.end()));
  results_.clear();
  return results;
}

double Stream::Impl::pushed_s() const {
  const std::lock_guard<std::mutex> lock(mutex);
  return audio_.pushed_s();
}

double Stream::Impl::decoded_s() const {
  const std::lock_guard<std::mutex> lock(mutex);
  if (is_done_) return audio_.pushed_s();
  return std::min(in_utterance_ ? decoder_.decoded_s() : audio_.decided_s(), audio_.pushed_s());
}

Stream::Stream(const Recognizer& recognizer, const StreamOptions& options)
    : impl_(std::make_shared<Impl>(recognizer, options)) {}
Stream::Stream(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Stream::~Stream() = default;
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;

void Stream::push(AudioView audio) { impl_->push(audio); }
void Stream::finish() { impl_->finish(); }
bool Stream::done() const { return impl_->done(); }
std::vector<StreamResult> Stream::take() { return impl_->take(); }
bool Stream::ready() const { return impl_->ready(); }
void Stream::reset() { impl_->reset(); }
const StreamOptions& Stream::options() const { return impl_->options(); }
double Stream::pushed_s() const { return impl_->pushed_s(); }
double Stream::decoded_s() const { return impl_->decoded_s(); }

}  // namespace fastctc
