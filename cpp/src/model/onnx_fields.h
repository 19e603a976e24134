// Numbers of onnx.proto3, of the fields that are read here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastctc::onnx {

constexpr std::uint64_t kModelGraph = 7, kModelMetadata = 14, kModelTraining = 20, kModelFunctions = 25;
constexpr std::uint64_t kTrainingInitialization = 1, kTrainingAlgorithm = 2;
constexpr std::uint64_t kFunctionNode = 7, kFunctionAttribute = 11;
constexpr std::uint64_t kGraphNode = 1, kGraphInitializer = 5, kGraphInput = 11, kGraphSparseInitializer = 15;
constexpr std::uint64_t kNodeInput = 1, kNodeOutput = 2, kNodeOperator = 4, kNodeAttribute = 5, kNodeDomain = 7;
constexpr std::uint64_t kAttributeTensor = 5, kAttributeGraph = 6, kAttributeTensors = 10, kAttributeGraphs = 11,
                        kAttributeSparse = 22, kAttributeSparses = 23;
constexpr std::uint64_t kSparseValues = 1, kSparseIndices = 2;
constexpr std::uint64_t kTensorDims = 1, kTensorDataType = 2, kTensorName = 8, kTensorExternal = 13;
constexpr std::uint64_t kValueName = 1, kEntryKey = 1, kEntryValue = 2;
// TensorProto.DataType
constexpr std::uint64_t kFloat = 1, kInt8 = 3;

constexpr std::size_t kMostDims = 64;  // more than any tensor has

}  // namespace fastctc::onnx
