// The graphs of one model, each opened on first use.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fastctc/acoustic_model.h"
#include "fastctc/options.h"
#include "fastctc/streaming_model.h"
#include "loading/model_directory.h"

namespace fastctc {

// Safe from any thread. Opening a graph of full size takes up to two seconds and 0.8 GB the first time, and still half
// a second where its session is kept (acoustic/session/session_cache.h), so what nobody uses stays shut.
class ModelGraphs {
 public:
  // Opens the directory's first graph. Raises as AcousticModel and StreamingModel.
  ModelGraphs(ModelDirectory& directory, const SessionOptions& session);

  const GraphInfo& first() const;
  // Measures the first graph and notes its properties; to be called once, when the front end is known.
  void configure_first(ModelDirectory& directory, const FrontendOptions& frontend);
  int subsampling_factor() const { return subsampling_factor_; }

  bool has_offline() const { return !offline_path_.empty(); }
  const AcousticModel& offline() const;
  std::vector<int> latencies_ms() const;
  const StreamingModel& streaming(int wanted_ms) const;
  const StreamingModel* long_form() const;

 private:
  std::unique_ptr<StreamingModel> open_streaming(const std::string& path) const;
  void check_same_model(const std::string& path, const GraphInfo& graph) const;
  int latency_ms(const StreamingModel& model) const;

  SessionOptions session_;
  std::string directory_;
  std::string first_path_;
  std::string offline_path_;
  std::string long_form_path_;
  AcousticModel::Geometry offline_geometry_;
  StreamingModel::Geometry streaming_geometry_;
  double input_frame_s_ = 0;
  int subsampling_factor_ = 0;
  GraphInfo first_info_;
  std::unique_ptr<StreamingModel> first_streaming_;  // until configure_first() knows its part

  mutable std::mutex mutex_;
  mutable std::unique_ptr<AcousticModel> offline_;
  mutable std::map<int, std::vector<std::string>> streaming_paths_;
  mutable std::map<int, std::unique_ptr<StreamingModel>> streaming_;
  mutable std::unique_ptr<StreamingModel> long_form_;
};

}  // namespace fastctc
