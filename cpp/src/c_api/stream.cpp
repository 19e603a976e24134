#include <iterator>
#include <memory>
#include <vector>

#include "c_api/guard.h"
#include "c_api/handles.h"

using namespace fastctc::c_api;

namespace {

fastctc::Stream& of(fastctc_stream* stream) { return require(stream, "stream").stream; }
const fastctc::Stream& of(const fastctc_stream* stream) { return require(stream, "stream").stream; }
const fastctc_result& checked(const fastctc_result* result) { return require(result, "result"); }

fastctc_cause code_of(fastctc::EndpointCause cause) {
  switch (cause) {
    case fastctc::EndpointCause::none:
      return FASTCTC_CAUSE_NONE;
    case fastctc::EndpointCause::no_speech:
      return FASTCTC_CAUSE_NO_SPEECH;
    case fastctc::EndpointCause::silence:
      return FASTCTC_CAUSE_SILENCE;
    case fastctc::EndpointCause::max_length:
      return FASTCTC_CAUSE_MAX_LENGTH;
    case fastctc::EndpointCause::finish:
      break;
  }
  return FASTCTC_CAUSE_FINISH;
}

}  // namespace

fastctc_status fastctc_stream_open(const fastctc_recognizer* recognizer, const fastctc_options* options,
                                   fastctc_stream** stream) {
  if (stream) *stream = nullptr;
  return guarded([&] {
    const fastctc_recognizer& model = require(recognizer, "recognizer");
    require(stream, "stream");
    *stream = new fastctc_stream(fastctc::Stream(model.recognizer, stream_options(model, options)));
  });
}

void fastctc_stream_free(fastctc_stream* stream) { delete stream; }

fastctc_status fastctc_stream_push(fastctc_stream* stream, const float* samples, size_t n_samples, int sample_rate_hz) {
  return guarded([&] {
    fastctc::Stream& target = of(stream);
    require_array(samples, n_samples, "samples");
    if (stream->finished) throw StateError("The stream was finished; fastctc_stream_reset() starts another signal.");
    target.push({samples, n_samples, sample_rate_hz});
  });
}

fastctc_status fastctc_stream_push_int16(fastctc_stream* stream, const fastctc_int16* samples, size_t n_samples,
                                         int sample_rate_hz) {
  std::vector<float> converted;
  const fastctc_status status = guarded([&] { converted = samples_of(samples, n_samples); });
  if (status != FASTCTC_OK) return status;
  return fastctc_stream_push(stream, converted.data(), n_samples, sample_rate_hz);
}

fastctc_status fastctc_stream_finish(fastctc_stream* stream) {
  return guarded([&] {
    fastctc::Stream& target = of(stream);
    target.finish();
    stream->finished = true;
  });
}

fastctc_status fastctc_stream_next(fastctc_stream* stream, fastctc_result** result) {
  if (result) *result = nullptr;
  return guarded([&] {
    fastctc::Stream& source = of(stream);
    require(result, "result");
    const std::lock_guard<std::mutex> lock(stream->mutex);
    if (stream->pending.empty()) {
      std::vector<fastctc::StreamResult> taken = source.take();
      std::move(taken.begin(), taken.end(), std::back_inserter(stream->pending));
    }
    if (stream->pending.empty()) return;
    auto next = std::make_unique<fastctc_result>();
    next->value = std::move(stream->pending.front());
    stream->pending.pop_front();
    next->transcript.value = std::move(next->value.transcript);
    *result = next.release();
  });
}

fastctc_status fastctc_stream_reset(fastctc_stream* stream) {
  return guarded([&] {
    fastctc::Stream& target = of(stream);
    const std::lock_guard<std::mutex> lock(stream->mutex);
    target.reset();
    stream->pending.clear();
    stream->finished = false;
  });
}

int fastctc_stream_done(const fastctc_stream* stream) {
  return value_or(-1, [&] { return of(stream).done() ? 1 : 0; });
}

double fastctc_stream_pushed_s(const fastctc_stream* stream) {
  return value_or(0.0, [&] { return of(stream).pushed_s(); });
}

double fastctc_stream_decoded_s(const fastctc_stream* stream) {
  return value_or(0.0, [&] { return of(stream).decoded_s(); });
}

void fastctc_result_free(fastctc_result* result) { delete result; }

int fastctc_result_is_final(const fastctc_result* result) {
  return value_or(-1, [&] { return checked(result).value.is_final ? 1 : 0; });
}

fastctc_cause fastctc_result_cause(const fastctc_result* result) {
  return value_or(FASTCTC_CAUSE_NONE, [&] { return code_of(checked(result).value.cause); });
}

size_t fastctc_result_segment(const fastctc_result* result) {
  return value_or<size_t>(0, [&] { return checked(result).value.segment; });
}

double fastctc_result_start_s(const fastctc_result* result) {
  return value_or(0.0, [&] { return checked(result).value.start_s; });
}

double fastctc_result_end_s(const fastctc_result* result) {
  return value_or(0.0, [&] { return checked(result).value.end_s; });
}

size_t fastctc_result_n_stable_words(const fastctc_result* result) {
  return value_or<size_t>(0, [&] { return checked(result).value.n_stable_words; });
}

const fastctc_transcript* fastctc_result_transcript(const fastctc_result* result) {
  return value_or<const fastctc_transcript*>(nullptr, [&] { return &checked(result).transcript; });
}

fastctc_status fastctc_pool_new(const fastctc_recognizer* recognizer, const fastctc_options* options, size_t max_batch,
                                fastctc_pool** pool) {
  if (pool) *pool = nullptr;
  return guarded([&] {
    const fastctc_recognizer& model = require(recognizer, "recognizer");
    require(pool, "pool");
    *pool = new fastctc_pool{
        fastctc::StreamPool(model.recognizer, stream_options(model, options), max_batch == 0 ? 16 : max_batch)};
  });
}

void fastctc_pool_free(fastctc_pool* pool) { delete pool; }

fastctc_status fastctc_pool_open(fastctc_pool* pool, fastctc_stream** stream) {
  if (stream) *stream = nullptr;
  return guarded([&] {
    fastctc_pool& source = require(pool, "pool");
    require(stream, "stream");
    *stream = new fastctc_stream(source.pool.open());
  });
}

fastctc_status fastctc_pool_step(fastctc_pool* pool, size_t* n_streams) {
  if (n_streams) *n_streams = 0;
  return guarded([&] {
    const size_t n = require(pool, "pool").pool.step();
    if (n_streams) *n_streams = n;
  });
}

int fastctc_pool_wait(const fastctc_pool* pool, double timeout_s) {
  return value_or(-1, [&] { return require(pool, "pool").pool.wait(timeout_s) ? 1 : 0; });
}

size_t fastctc_pool_n_streams(const fastctc_pool* pool) {
  return value_or<size_t>(0, [&] { return require(pool, "pool").pool.n_streams(); });
}
