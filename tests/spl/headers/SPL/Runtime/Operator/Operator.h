// Not the product's headers: declarations of what the generated code uses, written for these tests, so that a compiler
// can check it for what it is by itself. Whether the product's own agree can only be seen with the product.
#pragma once

#include <SPL/Runtime/Type/SPLType.h>

#include <cstdint>
#include <iostream>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#define SPL_OPER_DBG "test"
enum { L_ERROR, L_WARN, L_INFO, L_DEBUG };
#define SPLAPPTRC(level, message, aspect) std::clog << level << ' ' << aspect << ' ' << message << '\n'
#define SPLAPPLOG(level, message, aspect) std::clog << level << ' ' << aspect << ' ' << message << '\n'
#define CONSISTENT_REGION "ConsistentRegion"
#define MY_OPERATOR_SCOPE generated
#define MY_OPERATOR SpeechToText_Op
#define MY_BASE_OPERATOR Base

namespace SPL {

class Tuple {
 public:
  virtual ~Tuple() {}
};
class Punctuation {
 public:
  enum Value { WindowMarker, FinalMarker };
  Punctuation(Value value) : value_(value) {}
  bool operator==(Value value) const { return value_ == value; }

 private:
  Value value_;
};
class Metric {
 public:
  void setValueNoLock(std::int64_t value) { value_ = value; }
  void incrementValue() { ++value_; }
  std::int64_t value_ = 0;
};
class OperatorMetrics {
 public:
  Metric& getCustomMetricByName(std::string const& name);
};
class OptionalContext {
 public:
  virtual ~OptionalContext() {}
};
class OperatorContext {
 public:
  OperatorMetrics& getMetrics();
  std::string const& getName() const;
  OptionalContext* getOptionalContext(std::string const& name) const;
};
class ProcessingElement {
 public:
  std::string const& getDataDirectory() const;
  bool getShutdownRequested() const;
  bool blockUntilShutdownRequest(double seconds) const;
};
using Mutex = std::mutex;
class AutoMutex {
 public:
  explicit AutoMutex(Mutex& mutex) : lock_(mutex) {}

 private:
  std::lock_guard<std::mutex> lock_;
};
class Operator {
 public:
  virtual ~Operator() {}
  OperatorContext& getContext() const;
  ProcessingElement& getPE() const;
  void submit(Tuple const& tuple, std::uint32_t port);
  void submit(Punctuation const& punct, std::uint32_t port);
  std::uint32_t createThreads(std::uint32_t n);
  virtual void allPortsReady() {}
  virtual void prepareToShutdown() {}
  virtual void process(std::uint32_t) {}
  virtual void process(Tuple const&, std::uint32_t) {}
  virtual void process(Punctuation const&, std::uint32_t) {}
};
struct Checkpoint {
  std::vector<std::shared_ptr<void>> values;
  std::size_t next = 0;
};
template <class Value>
Checkpoint& operator<<(Checkpoint& checkpoint, Value const& value) {
  checkpoint.values.push_back(std::make_shared<Value>(value));
  return checkpoint;
}
template <class Value>
Checkpoint& operator>>(Checkpoint& checkpoint, Value& value) {
  value = *static_cast<Value*>(checkpoint.values.at(checkpoint.next++).get());
  return checkpoint;
}
class StateHandler {
 public:
  virtual ~StateHandler() {}
  virtual void drain() {}
  virtual void checkpoint(Checkpoint&) {}
  virtual void reset(Checkpoint&) {}
  virtual void resetToInitialState() {}
};

}  // namespace SPL
