#include "fastctc/streaming_model.h"

#include <string>
#include <utility>

#include "acoustic/steps/streaming_geometry.h"
#include "acoustic/steps/streaming_model_impl.h"
#include "fastctc/error.h"

namespace fastctc {

struct StreamingModel::Batch::Impl {
  const StreamingModel::Impl* model = nullptr;
  std::vector<std::uint64_t> tickets;
  std::size_t n_columns = 0;          // of the longest window
  std::vector<float> features;        // [n_items, n_features, n_columns]
  std::vector<std::int64_t> lengths;  // valid frames of each window
  std::vector<CacheSlot> slots;
  std::shared_ptr<const CacheStack> caches;  // of all streams, if they run together
  std::vector<StreamingGraph::Step> steps;   // once computed: one for all streams, or one per stream
};

void StreamingModel::Impl::check_configured() const {
  if (!configured) throw OptionError("StreamingModel::configure() must be called before streams are made.");
}

// Marks streams as gathered, and removes the marks unless the batch is complete.
class StreamingModel::Claims {
 public:
  ~Claims() {
    for (AcousticStream::Impl* stream : streams_) stream->set_gathered(false);
  }
  void add(AcousticStream::Impl& stream) {
    streams_.push_back(&stream);
    stream.set_gathered(true);
  }
  void keep() { streams_.clear(); }

 private:
  std::vector<AcousticStream::Impl*> streams_;
};

StreamingModel::Batch::Batch() = default;
StreamingModel::Batch::~Batch() = default;
StreamingModel::Batch::Batch(Batch&&) noexcept = default;
StreamingModel::Batch& StreamingModel::Batch::operator=(Batch&&) noexcept = default;

StreamingModel::StreamingModel(const std::string& graph_path, const SessionOptions& session)
    : impl_(std::make_shared<Impl>(graph_path, session)) {}
StreamingModel::~StreamingModel() = default;
StreamingModel::StreamingModel(StreamingModel&&) noexcept = default;
StreamingModel& StreamingModel::operator=(StreamingModel&&) noexcept = default;

const GraphInfo& StreamingModel::graph() const { return impl_->graph().info(); }
const StreamingModel::Geometry& StreamingModel::geometry() const { return impl_->geometry; }

std::vector<Property> StreamingModel::configure(const Geometry& known) {
  if (impl_->configured) throw OptionError("StreamingModel::configure() is called once.");
  ResolvedStreaming resolved = resolve_streaming(impl_->streaming, known);
  impl_->geometry = resolved.values;
  impl_->normalizer.configure(resolved.values.log_probs_kind);
  impl_->batches_exactly = resolved.batches_exactly;
  impl_->configured = true;
  return std::move(resolved.properties);
}

std::size_t StreamingModel::output_frames() const {
  impl_->check_configured();
  return static_cast<std::size_t>(impl_->geometry.chunk_frames / impl_->geometry.subsampling_factor);
}

StreamingModel::Batch StreamingModel::gather(const std::vector<AcousticStream*>& streams) const {
  impl_->check_configured();
  Claims claims;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const std::string label = "Stream " + std::to_string(i) + " of the batch ";
    if (!streams[i]) throw OptionError(label + "is null.");
    if (streams[i]->impl_->model() != impl_.get()) throw OptionError(label + "belongs to another model.");
    if (!streams[i]->impl_->ready()) {
      throw OptionError(label + "has no window to run, or is in a batch already. Ask ready() first.");
    }
    claims.add(*streams[i]->impl_);
  }
  Batch batch;
  batch.impl_ = std::make_unique<Batch::Impl>();
  Batch::Impl& impl = *batch.impl_;
  impl.model = impl_.get();
  if (streams.empty()) return batch;
  // If all windows are last ones, they are shorter: padding would be useless work.
  for (const AcousticStream* stream : streams) {
    impl.n_columns = std::max(impl.n_columns, stream->impl_->n_window_frames());
  }
  if (impl_->streaming.has_fixed_window()) impl.n_columns = static_cast<std::size_t>(impl_->geometry.window_frames);
  const std::size_t n_values = impl_->graph().info().n_features * impl.n_columns;
  impl.features.resize(streams.size() * n_values);
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const AcousticStream::Impl& stream = *streams[i]->impl_;
    impl.tickets.push_back(stream.ticket());
    impl.lengths.push_back(
        static_cast<std::int64_t>(stream.copy_window(impl.features.data() + i * n_values, impl.n_columns)));
    impl.slots.push_back(stream.caches());
  }
  if (impl_->batches_exactly) impl.caches = impl_->streaming.caches().stack(impl.slots);
  claims.keep();
  return batch;
}

void StreamingModel::compute(Batch& batch) const {
  if (!batch.impl_ || batch.impl_->tickets.empty()) return;
  Batch::Impl& impl = *batch.impl_;
  if (impl.model != impl_.get()) throw OptionError("The batch belongs to another model.");
  impl.steps.clear();
  const std::size_t n_columns = impl.n_columns;
  const StreamingGraph& streaming = impl_->streaming;
  if (impl_->batches_exactly) {
    impl.steps.push_back(streaming.run(impl.features.data(), impl.lengths, n_columns, *impl.caches));
    return;
  }
  std::vector<StreamingGraph::Step> steps;
  const std::size_t n_values = impl.features.size() / impl.lengths.size();
  for (std::size_t i = 0; i < impl.lengths.size(); ++i) {
    steps.push_back(streaming.run(impl.features.data() + i * n_values, {impl.lengths[i]}, n_columns,
                                  *streaming.caches().stack({impl.slots[i]})));
  }
  impl.steps = std::move(steps);
}

std::vector<std::string> StreamingModel::scatter(Batch& batch, const std::vector<AcousticStream*>& streams) const {
  const std::size_t n_items = batch.impl_ ? batch.impl_->tickets.size() : 0;
  if (n_items != streams.size()) {
    throw OptionError("A batch of " + std::to_string(n_items) + " streams can't be handed to " +
                      std::to_string(streams.size()) + ". Give the streams that were gathered, in their order.");
  }
  std::vector<std::string> failures(n_items);
  if (n_items == 0) return failures;
  const std::unique_ptr<Batch::Impl> impl = std::move(batch.impl_);
  // The streams have the new caches; the batch would keep the old ones in memory.
  impl->caches.reset();
  impl->slots.clear();
  for (std::size_t i = 0; i < n_items; ++i) {
    if (!streams[i] || streams[i]->impl_->ticket() != impl->tickets[i]) continue;
    streams[i]->impl_->set_gathered(false);
    if (impl->steps.empty()) continue;
    const bool is_alone = !impl_->batches_exactly;
    streams[i]->impl_->accept(impl->steps[is_alone ? i : 0], is_alone ? 0 : i);
    failures[i] = streams[i]->failure();
  }
  return failures;
}

std::vector<std::string> StreamingModel::step(const std::vector<AcousticStream*>& streams) const {
  Batch batch = gather(streams);
  std::string failure;
  try {
    compute(batch);
  } catch (const Error& error) {
    failure = error.what();
  }
  std::vector<std::string> failures = scatter(batch, streams);
  if (failure.empty()) return failures;
  if (streams.size() == 1) return {failure};
  for (std::size_t i = 0; i < streams.size(); ++i) failures[i] = step({streams[i]}).front();
  return failures;
}

}  // namespace fastctc
