// Products of fastctc's own, beside the formula in double, for every instruction set of this processor.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "acoustic/operators/operator_kernels.h"
#include "fastctc/error.h"

namespace {

using namespace fastctc::operators;
using fastctc::OptionError;

constexpr double kTolerance = 1e-6;  // of the sum of magnitudes: float32 sums in another order than double ones
constexpr std::size_t kGap = 3;
constexpr float kUntouched = 7.0f;

std::vector<const Kernel*> kernels() {
  std::vector<const Kernel*> found;
  for (const char* name : {"avx2", "avx2_vnni", "avx512", "avx512_vnni", "amx"}) {
    try {
      found.push_back(choose_kernel(name));
    } catch (const OptionError&) {  // another processor
    }
  }
  return found;
}

struct Example {
  std::size_t n_rows, n_inputs, n_outputs;
  std::vector<float> x, weight, bias, residual, y;

  Example(std::size_t rows, std::size_t inputs, std::size_t outputs, unsigned seed)
      : n_rows(rows), n_inputs(inputs), n_outputs(outputs), y(rows * outputs + 1, kUntouched) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    const auto fill = [&](std::vector<float>& values, std::size_t n) {
      values.resize(n);
      for (float& value : values) value = normal(random);
    };
    fill(x, rows * (inputs + kGap));
    fill(bias, outputs);
    fill(residual, rows * outputs);
    fill(weight, n_panels_of(outputs) * inputs * kPanelColumns);
    for (std::size_t input = 0; input < inputs; ++input) {
      for (std::size_t output = outputs; output < n_panels_of(outputs) * kPanelColumns; ++output) {
        weight[place(input, output)] = 0;
      }
    }
  }

  std::size_t place(std::size_t input, std::size_t output) const {
    return (output / kPanelColumns * n_inputs + input) * kPanelColumns + output % kPanelColumns;
  }

  Product task(Activation activation, bool with_residual) {
    const Ending ending = {bias.data(), with_residual ? residual.data() : nullptr, y.data(), n_outputs, n_outputs,
                           activation};
    return {x.data(), weight.data(), n_rows, n_inputs, n_inputs + kGap, ending};
  }

  // The largest error, as a share of the sum of magnitudes.
  double error(Activation activation, bool with_residual) const {
    double worst = 0;
    for (std::size_t row = 0; row < n_rows; ++row) {
      for (std::size_t output = 0; output < n_outputs; ++output) {
        double sum = bias[output], magnitude = 1 + std::abs(bias[output]);
        for (std::size_t input = 0; input < n_inputs; ++input) {
          const double term = double{x[row * (n_inputs + kGap) + input]} * weight[place(input, output)];
          sum += term;
          magnitude += std::abs(term);
        }
        const double gate = 1 / (1 + std::exp(-sum));
        if (activation != Activation::none) sum = activation == Activation::silu ? sum * gate : gate;
        if (with_residual) sum += residual[row * n_outputs + output];
        worst = std::max(worst, std::abs(sum - y[row * n_outputs + output]) / magnitude);
      }
    }
    return worst;
  }
};

TEST_CASE("products of all shapes equal the formula") {
  for (const Kernel* kernel : kernels()) {
    CAPTURE(kernel->name);
    for (const std::size_t rows : {1, 5, 6, 7, 13, 14, 15, 29}) {
      for (const std::size_t inputs : {1, 3, 4, 66}) {
        for (const std::size_t outputs : {1, 8, 15, 17, 32, 33, 80}) {
          Example product(rows, inputs, outputs, static_cast<unsigned>(rows * 1000 + inputs * 100 + outputs));
          for (const bool with_residual : {false, true}) {
            for (const auto activation : {Activation::none, Activation::silu, Activation::sigmoid}) {
              CAPTURE(rows);
              CAPTURE(inputs);
              CAPTURE(outputs);
              kernel->multiply(product.task(activation, with_residual), 0, n_panels_of(outputs));
              CHECK(product.error(activation, with_residual) < kTolerance);
              CHECK(product.y.back() == kUntouched);
            }
          }
        }
      }
    }
  }
}

TEST_CASE("rows and panels of a product are independent, to the bit") {
  for (const Kernel* kernel : kernels()) {
    CAPTURE(kernel->name);
    Example whole(37, 130, 100, 1);
    kernel->multiply(whole.task(Activation::silu, true), 0, 4);
    Example parts(37, 130, 100, 1);
    Product task = parts.task(Activation::silu, true);
    for (std::size_t row = 0; row < 37; ++row) {
      Product one = task;
      one.n_rows = 1;
      one.x += row * task.x_stride;
      one.ending.residual += row * 100;
      one.ending.y += row * 100;
      for (const std::size_t panel : {3, 0, 2, 1}) kernel->multiply(one, panel, panel + 1);
    }
    CHECK(parts.y == whole.y);
  }
}

TEST_CASE("activations at their ends") {
  for (const Kernel* kernel : kernels()) {
    CAPTURE(kernel->name);
    const float infinity = std::numeric_limits<float>::infinity();
    const std::vector<float> x = {-infinity, -1000, -88, -20, 0, 20, 88, 1000, infinity, std::nanf("")};
    std::vector<float> weight(kPanelColumns), bias(1), y(x.size());
    weight[0] = 1;
    const Ending ending = {bias.data(), nullptr, y.data(), 1, 1, Activation::sigmoid};
    kernel->multiply({x.data(), weight.data(), x.size(), 1, 1, ending}, 0, 1);
    for (std::size_t i = 0; i + 1 < x.size(); ++i) {
      CHECK(std::abs(y[i] - 1 / (1 + std::exp(-double{x[i]}))) < 2e-7);
    }
    CHECK(std::isnan(y.back()));
  }
}

TEST_CASE("softmax of rows, hidden scores without denormal numbers") {
  for (const Kernel* kernel : kernels()) {
    CAPTURE(kernel->name);
    for (const std::size_t columns : {1, 7, 8, 9, 16, 31, 97}) {
      CAPTURE(columns);
      constexpr std::size_t kRows = 3;
      std::mt19937 random(static_cast<unsigned>(columns));
      std::normal_distribution<float> normal(0, 5);
      std::vector<float> scores(kRows * columns + 1, kUntouched);
      for (std::size_t i = 0; i < kRows * columns; ++i) scores[i] = normal(random) - (i % 3 == 1 ? 10000.0f : 0.0f);
      const std::vector<float> before = scores;
      kernel->softmax(scores.data(), kRows, columns);
      for (std::size_t row = 0; row < kRows; ++row) {
        const float* x = before.data() + row * columns;
        double highest = x[0], sum = 0;
        for (std::size_t i = 0; i < columns; ++i) highest = std::max<double>(highest, x[i]);
        for (std::size_t i = 0; i < columns; ++i) sum += std::exp(std::max(x[i] - highest, -50.0));
        for (std::size_t i = 0; i < columns; ++i) {
          const float found = scores[row * columns + i];
          CHECK(found == doctest::Approx(std::exp(std::max(x[i] - highest, -50.0)) / sum).epsilon(1e-5));
          CHECK(std::isnormal(found));
        }
      }
      CHECK(scores.back() == kUntouched);
    }
  }
}

TEST_CASE("layer normalisation of rows, in place too") {
  for (const Kernel* kernel : kernels()) {
    CAPTURE(kernel->name);
    for (const std::size_t columns : {1, 8, 13, 16, 40, 512}) {
      CAPTURE(columns);
      constexpr std::size_t kRows = 4;
      std::mt19937 random(static_cast<unsigned>(columns));
      std::normal_distribution<float> normal(3, 2);
      std::vector<float> x(kRows * columns + 1), weight(columns), bias(columns);
      for (std::vector<float>* values : {&x, &weight, &bias}) {
        for (float& value : *values) value = normal(random);
      }
      x.back() = kUntouched;
      const std::vector<float> before = x;
      const Normalization task = {x.data(), weight.data(), bias.data(), x.data(), columns, 1e-5f};
      kernel->normalize(task, 1, 3);
      for (std::size_t row = 0; row < kRows; ++row) {
        double mean = 0, variance = 0;
        const float* values = before.data() + row * columns;
        for (std::size_t i = 0; i < columns; ++i) mean += values[i] / static_cast<double>(columns);
        for (std::size_t i = 0; i < columns; ++i)
          variance += std::pow(values[i] - mean, 2) / static_cast<double>(columns);
        for (std::size_t i = 0; i < columns; ++i) {
          const double made = (values[i] - mean) / std::sqrt(variance + 1e-5) * weight[i] + bias[i];
          const double expected = row == 1 || row == 2 ? made : values[i];
          CHECK(std::abs(x[row * columns + i] - expected) < 1e-5);
        }
      }
      CHECK(x.back() == kUntouched);
    }
  }
}

// A product in integers; x has whole blocks of 32 rows.
struct IntegerExample {
  std::size_t n_rows, n_inputs, n_outputs, stride;
  std::vector<std::uint8_t> x;
  std::vector<std::int8_t> weight;
  std::vector<float> row_scales, column_scales, bias, residual, y;
  std::vector<std::int32_t> sums;
  static constexpr std::int32_t kZero = 128;

  IntegerExample(std::size_t rows, std::size_t inputs, std::size_t outputs)
      : n_rows(rows), n_inputs(inputs), n_outputs(outputs), stride(inputs + kInputBlock), sums(outputs) {
    std::mt19937 random(static_cast<unsigned>(rows * 1000 + inputs + outputs));
    // Ends of the ranges too, whose sums of two don't fit into 16 bits.
    const auto integer = [&](int lowest, int largest) {
      const int value = static_cast<int>(random() % static_cast<unsigned>(largest - lowest + 9)) + lowest - 4;
      return std::min(std::max(value, lowest), largest);
    };
    x.resize((rows + 31) / 32 * 32 * stride);
    for (std::uint8_t& value : x) value = static_cast<std::uint8_t>(integer(0, 255));
    weight.resize(n_panels_of(outputs) * inputs * kPanelColumns);
    for (std::size_t input = 0; input < inputs; ++input) {
      for (std::size_t output = 0; output < outputs; ++output) {
        const int value = integer(-127, 127);
        weight[place(input, output)] = static_cast<std::int8_t>(value);
        sums[output] += value;
      }
    }
    std::uniform_real_distribution<float> some(0.5f, 2.0f);
    const auto fill = [&](std::vector<float>& values, std::size_t n) {
      values.resize(n);
      for (float& value : values) value = some(random) * 1e-3f;
    };
    fill(row_scales, rows);
    fill(column_scales, outputs);
    fill(bias, outputs);
    fill(residual, rows * outputs);
    y.assign(rows * outputs + 1, kUntouched);
  }

  std::size_t place(std::size_t input, std::size_t output) const {
    const std::size_t group = output / kPanelColumns * (n_inputs / kGroup) + input / kGroup;
    return (group * kPanelColumns + output % kPanelColumns) * kGroup + input % kGroup;
  }

  IntegerProduct task(Activation activation, bool with_residual) {
    const Ending ending = {bias.data(), with_residual ? residual.data() : nullptr, y.data(), n_outputs, n_outputs,
                           activation};
    return {
        x.data(), row_scales.data(), weight.data(), column_scales.data(), sums.data(), kZero, n_rows, n_inputs, stride,
        ending};
  }

  // By the formula, in its order.
  float product(std::size_t row, std::size_t output) const {
    std::int32_t sum = 0;
    for (std::size_t input = 0; input < n_inputs; ++input) {
      sum += (std::int32_t{x[row * stride + input]} - kZero) * weight[place(input, output)];
    }
    const float scaled = static_cast<float>(sum) * column_scales[output];
    const float rescaled = scaled * row_scales[row];
    return rescaled + bias[output];
  }
};

TEST_CASE("products in integers equal the formula to the bit, for every instruction set") {
  for (const Kernel* kernel : kernels()) {
    CAPTURE(kernel->name);
    for (const std::size_t rows : {1, 2, 3, 15, 16, 17, 33, 70}) {
      for (const std::size_t inputs : {64, 192}) {
        for (const std::size_t outputs : {1, 8, 17, 32, 47, 64, 80}) {
          CAPTURE(rows);
          CAPTURE(inputs);
          CAPTURE(outputs);
          IntegerExample example(rows, inputs, outputs);
          kernel->multiply_integers(example.task(Activation::none, false), 0, n_panels_of(outputs));
          std::size_t n_equal = 0;
          for (std::size_t i = 0; i < rows * outputs; ++i) {
            n_equal += example.y[i] == example.product(i / outputs, i % outputs) ? 1 : 0;
          }
          CHECK(n_equal == rows * outputs);
          CHECK(example.y.back() == kUntouched);
        }
      }
    }
  }
}

TEST_CASE("products in integers have activations and residuals; their panels are independent") {
  for (const Kernel* kernel : kernels()) {
    CAPTURE(kernel->name);
    for (const auto activation : {Activation::none, Activation::silu, Activation::sigmoid}) {
      IntegerExample example(37, 128, 100);
      const IntegerProduct task = example.task(activation, true);
      for (const std::size_t panel : {3, 0, 2, 1}) kernel->multiply_integers(task, panel, panel + 1);
      double worst = 0;
      for (std::size_t i = 0; i < 37 * 100; ++i) {
        double value = example.product(i / 100, i % 100);
        const double gate = 1 / (1 + std::exp(-value));
        if (activation != Activation::none) value = activation == Activation::silu ? value * gate : gate;
        worst = std::max(worst, std::abs(value + example.residual[i] - example.y[i]));
      }
      CHECK(worst < 1e-6);
      CHECK(example.y.back() == kUntouched);
    }
  }
}

TEST_CASE("rows are cut into steps") {
  for (const Kernel* kernel : kernels()) {
    CAPTURE(kernel->name);
    for (const std::size_t columns : {1, 8, 15, 16, 40, 130}) {
      CAPTURE(columns);
      constexpr std::size_t kRows = 5, kStride = 192;
      std::vector<float> x(kRows * columns), scales(kRows, kUntouched);
      std::mt19937 random(static_cast<unsigned>(columns));
      std::normal_distribution<float> normal(0, 3);
      for (float& value : x) value = normal(random);
      std::fill_n(x.begin() + static_cast<std::ptrdiff_t>(2 * columns), columns, 0.0f);  // shorter than the least
      std::vector<std::uint8_t> steps(kRows * kStride, 7);
      for (const float fixed : {0.0f, 0.02f}) {
        const Quantization task = {x.data(), steps.data(), scales.data(), columns, kStride, fixed, 1e-3f, 127.0f, 128};
        kernel->quantize(task, 1, 4);
        CHECK(scales[0] == kUntouched);
        CHECK(scales[4] == kUntouched);
        CHECK(steps[0] == 7);
        CHECK(steps[4 * kStride] == 7);
        for (std::size_t row = 1; row < 4; ++row) {
          float peak = 1e-3f;
          for (std::size_t i = 0; i < columns; ++i) peak = std::max(peak, std::abs(x[row * columns + i]));
          const float inverse = fixed > 0 ? 1.0f / fixed : 127.0f / peak;
          CHECK(scales[row] == (fixed > 0 ? fixed : peak * (1.0f / 127.0f)));
          for (std::size_t i = 0; i < kStride; ++i) {
            const float value = i < columns ? std::nearbyint(x[row * columns + i] * inverse) + 128 : 0;
            CHECK(static_cast<float>(steps[row * kStride + i]) == std::min(std::max(value, 0.0f), 255.0f));
          }
        }
      }
    }
  }
}

TEST_CASE("a row that isn't finite has no step") {
  for (const Kernel* kernel : kernels()) {
    CAPTURE(kernel->name);
    for (const float strange : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
      for (std::size_t place = 0; place < 40; ++place) {
        std::vector<float> x(80, 1.0f), scales(2);
        x[place] = strange;
        std::vector<std::uint8_t> steps(128);
        kernel->quantize({x.data(), steps.data(), scales.data(), 40, 64, 0.0f, 1e-3f, 127.0f, 128}, 0, 2);
        CHECK(std::isnan(scales[0]));
        CHECK(scales[1] == 1.0f / 127.0f);
      }
    }
  }
}

TEST_CASE("an instruction set is chosen by its name") {
  CHECK(choose_kernel("baseline") == nullptr);
  CHECK_THROWS_WITH_AS(
      choose_kernel("sse"),
      "Option session.instruction_set must be one of automatic, baseline, avx2, avx2_vnni, avx512, avx512_vnni, "
      "amx, not 'sse'.",
      OptionError);
  const std::vector<const Kernel*> found = kernels();
  CHECK(choose_kernel("automatic") == (found.empty() ? nullptr : found.back()));
}

}  // namespace
