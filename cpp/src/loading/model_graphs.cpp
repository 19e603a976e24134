#include "loading/model_graphs.h"

#include <cmath>
#include <utility>

#include "fastctc/error.h"

namespace fastctc {

ModelGraphs::ModelGraphs(ModelDirectory& directory, const SessionOptions& session)
    : session_(session),
      directory_(directory.path()),
      first_path_(directory.graph_path()),
      offline_path_(directory.offline_path()),
      long_form_path_(directory.long_form_path()) {
  if (first_path_ != offline_path_) {
    first_streaming_ = std::make_unique<StreamingModel>(first_path_, session_);
    first_info_ = first_streaming_->graph();
    return;
  }
  offline_ = std::make_unique<AcousticModel>(first_path_, session_);
  first_info_ = offline_->graph();
  if (first_info_.cache_aware) {
    throw ModelError(first_path_ +
                     " is a cache-aware graph, for streams, but is named as the offline graph. Name it as "
                     "graphs.streaming_<look-ahead>ms in fastctc.json.");
  }
}

const GraphInfo& ModelGraphs::first() const { return first_info_; }

void ModelGraphs::configure_first(ModelDirectory& directory, const FrontendOptions& frontend) {
  const int hop = frontend.kind == FeatureKind::waveform ? 1 : frontend.hop_length_samples;
  input_frame_s_ = static_cast<double>(hop) / frontend.sample_rate_hz;
  offline_geometry_ = directory.geometry();
  streaming_geometry_ = directory.streaming_geometry();
  if (offline_) {
    directory.note_geometry(offline_->configure(offline_geometry_));
    subsampling_factor_ = offline_->geometry().subsampling_factor;
    streaming_paths_ = directory.streaming_paths(input_frame_s_, subsampling_factor_);
  } else {
    std::unique_ptr<StreamingModel> model = std::move(first_streaming_);
    directory.note_geometry(model->configure(streaming_geometry_));
    subsampling_factor_ = model->geometry().subsampling_factor;
    streaming_paths_ = directory.streaming_paths(input_frame_s_, subsampling_factor_);
    if (first_path_ == long_form_path_) {
      long_form_ = std::move(model);
    } else {
      const int latency = latency_ms(*model);
      streaming_paths_[latency] = {first_path_};
      streaming_[latency] = std::move(model);
    }
  }
  for (const std::string& path : directory.unmeasured_streaming_paths()) {
    if (path == first_path_) continue;
    std::unique_ptr<StreamingModel> model = open_streaming(path);
    const int latency = latency_ms(*model);
    streaming_paths_[latency].push_back(path);
    streaming_[latency] = std::move(model);
  }
  directory.note_streaming(streaming_paths_);
}

const AcousticModel& ModelGraphs::offline() const {
  if (offline_path_.empty()) {
    throw ModelError("The model " + directory_ +
                     " has no offline graph, only cache-aware graphs for streams. Export an offline graph too, or use "
                     "a stream.");
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!offline_) {
    auto model = std::make_unique<AcousticModel>(offline_path_, session_);
    check_same_model(offline_path_, model->graph());
    model->configure(offline_geometry_);
    offline_ = std::move(model);
  }
  return *offline_;
}

std::vector<int> ModelGraphs::latencies_ms() const {
  std::vector<int> latencies;
  for (const auto& entry : streaming_paths_) latencies.push_back(entry.first);
  return latencies;
}

const StreamingModel& ModelGraphs::streaming(int wanted_ms) const {
  if (streaming_paths_.empty()) {
    throw ModelError("The model " + directory_ +
                     " has no cache-aware graph, so it can't recognise live streams. Export one (NeMo: "
                     "cache_support), and name it as graphs.streaming_<look-ahead>ms in fastctc.json.");
  }
  const auto found = wanted_ms < 0 ? std::prev(streaming_paths_.end()) : streaming_paths_.find(wanted_ms);
  if (found == streaming_paths_.end()) {
    std::string list;
    for (const int latency : latencies_ms()) list += (list.empty() ? "" : ", ") + std::to_string(latency);
    throw OptionError("latency_ms is " + std::to_string(wanted_ms) + ", but the model " + directory_ +
                      " has graphs for " + list + " ms of look-ahead. Give one of these.");
  }
  if (found->second.size() > 1) {
    std::string list;
    for (const std::string& path : found->second) list += (list.empty() ? "" : ", ") + path;
    throw ModelError("The model " + directory_ + " has several graphs for " + std::to_string(found->first) +
                     " ms of look-ahead (" + list + "). Name one as graphs.streaming_" + std::to_string(found->first) +
                     "ms in fastctc.json.");
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  std::unique_ptr<StreamingModel>& model = streaming_[found->first];
  if (!model) {
    std::unique_ptr<StreamingModel> opened = open_streaming(found->second.front());
    if (latency_ms(*opened) != found->first) {
      throw ModelError(found->second.front() + " is named for " + std::to_string(found->first) +
                       " ms of look-ahead, but its chunk of " + std::to_string(opened->geometry().chunk_frames) +
                       " feature frames means " + std::to_string(latency_ms(*opened)) + " ms. Correct fastctc.json.");
    }
    model = std::move(opened);
  }
  return *model;
}

const StreamingModel* ModelGraphs::long_form() const {
  if (long_form_path_.empty()) return nullptr;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!long_form_) long_form_ = open_streaming(long_form_path_);
  return long_form_.get();
}

std::unique_ptr<StreamingModel> ModelGraphs::open_streaming(const std::string& path) const {
  auto model = std::make_unique<StreamingModel>(path, session_);
  check_same_model(path, model->graph());
  model->configure(streaming_geometry_);
  if (model->geometry().subsampling_factor != subsampling_factor_) {
    throw ModelError(path + " subsamples by " + std::to_string(model->geometry().subsampling_factor) + ", but " +
                     first_path_ + " by " + std::to_string(subsampling_factor_) + ". They are not of one model.");
  }
  return model;
}

void ModelGraphs::check_same_model(const std::string& path, const GraphInfo& graph) const {
  const auto differ = [](std::size_t one, std::size_t other) { return one && other && one != other; };
  if (!differ(graph.n_features, first_info_.n_features) && !differ(graph.n_tokens, first_info_.n_tokens)) return;
  throw ModelError(path + " takes " + std::to_string(graph.n_features) + " features and gives " +
                   std::to_string(graph.n_tokens) + " tokens, but " + first_path_ + " takes " +
                   std::to_string(first_info_.n_features) + " and gives " + std::to_string(first_info_.n_tokens) +
                   ". They are not of one model.");
}

int ModelGraphs::latency_ms(const StreamingModel& model) const {
  const int look_ahead_frames = model.geometry().chunk_frames - model.geometry().subsampling_factor;
  return static_cast<int>(std::lround(1000 * input_frame_s_ * look_ahead_frames));
}

}  // namespace fastctc
