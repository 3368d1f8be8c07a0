// The products of kernels/cuda/matmul.hpp against the triple loop, on a GPU and without Kokkos.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/cuda/matmul.hpp"
#include "kernels/reference/matmul.hpp"
#include "support/catch.hpp"
#include "support/session.hpp"

using namespace atl::kernels;

namespace {

bool has_gpu() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
}
constexpr char const* no_gpu = "no GPU that CUDA can use";

// Numbers that bf16 holds as they are: whole, in [-8, 8]; sums of them are exact in fp32.
std::vector<float> whole_numbers(std::size_t size, std::uint32_t seed) {
  std::mt19937 bits(seed);
  std::vector<float> values(size);
  for (float& x : values) x = static_cast<float>(bits() % 17) - 8.0F;
  return values;
}

// A matrix in the GPU's memory, `before` numbers into its buffer, its rows `gap` numbers longer than they
// need be.
class OnGpu {
 public:
  OnGpu(std::vector<float> const& values, std::size_t rows, bool is_bf16, std::size_t before = 0,
        std::size_t gap = 0)
      : rows_(rows), cols_(values.size() / rows), stride_(cols_ + gap), before_(before), is_bf16_(is_bf16) {
    std::vector<char> bytes((before_ + rows_ * stride_) * size(), filler);
    for (std::size_t i = 0; i < values.size(); ++i) put(values[i], bytes.data() + offset(i));
    REQUIRE(cudaMalloc(&memory_, bytes.size()) == cudaSuccess);
    REQUIRE(cudaMemcpy(memory_, bytes.data(), bytes.size(), cudaMemcpyHostToDevice) == cudaSuccess);
  }
  ~OnGpu() { cudaFree(memory_); }
  OnGpu(OnGpu const&) = delete;
  OnGpu& operator=(OnGpu const&) = delete;

  cuda::Matrix matrix() const {
    return {static_cast<char*>(memory_) + before_ * size(), is_bf16_, rows_, cols_, stride_};
  }

  // Fails where what lies around the matrix was written.
  std::vector<float> values() const {
    std::vector<char> bytes((before_ + rows_ * stride_) * size());
    REQUIRE(cudaMemcpy(bytes.data(), memory_, bytes.size(), cudaMemcpyDeviceToHost) == cudaSuccess);
    std::vector<float> found(rows_ * cols_);
    for (std::size_t i = 0; i < found.size(); ++i) {
      found[i] = get(bytes.data() + offset(i));
      std::memset(bytes.data() + offset(i), filler, size());
    }
    CHECK(bytes == std::vector<char>(bytes.size(), filler));
    return found;
  }

 private:
  static constexpr char filler = 0x55;

  std::size_t size() const { return is_bf16_ ? 2 : 4; }
  std::size_t offset(std::size_t i) const { return (before_ + i / cols_ * stride_ + i % cols_) * size(); }
  void put(float value, char* to) const {
    auto const bits = std::bit_cast<std::uint32_t>(value);
    auto const upper = static_cast<std::uint16_t>(bits >> 16U);
    is_bf16_ ? std::memcpy(to, &upper, 2) : std::memcpy(to, &bits, 4);
  }
  float get(char const* from) const {
    std::uint32_t bits = 0;
    std::memcpy(&bits, from, size());
    return std::bit_cast<float>(is_bf16_ ? bits << 16U : bits);
  }

  std::size_t rows_, cols_, stride_, before_;
  bool is_bf16_;
  void* memory_ = nullptr;
};

reference::Values wide(std::vector<float> const& values) { return {values.begin(), values.end()}; }

float as_bf16(double x) {  // to nearest, ties to even
  auto const bits = std::bit_cast<std::uint32_t>(static_cast<float>(x));
  return std::bit_cast<float>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) & 0xFFFF0000U);
}

struct Numbers {
  char const* name;
  bool in_is_bf16, out_is_bf16;
};
Numbers const all_numbers[] = {{"fp32", false, false}, {"bf16 to fp32", true, false}, {"bf16", true, true}};

using Twin = reference::Values (*)(reference::Input, reference::Input, reference::Extents const&);

struct Transposition {
  char const* name;
  Twin twin;
  bool of_a, of_b;
};
Transposition const transpositions[] = {{"nt", reference::matmul_nt, false, true},
                                        {"nn", reference::matmul_nn, false, false},
                                        {"tn", reference::matmul_tn, true, false}};

// Where matrices lie in their buffers: packed, or as ranges of columns that begin anywhere.
struct Place {
  std::size_t before, gap;
};

// Whole numbers leave nothing to rounding but the last step to bf16: every element is equal.
void check_product(Transposition const& t, Numbers const& numbers, reference::Extents const& s,
                   Place const& place, bool adds) {
  INFO(t.name << ", " << numbers.name << ", rows " << s.rows << ", cols " << s.cols << ", inner " << s.inner
              << ", before " << place.before << ", gap " << place.gap << (adds ? ", added" : ""));
  auto const a = whole_numbers(s.rows * s.inner, 1), b = whole_numbers(s.inner * s.cols, 2);
  auto const before = adds ? whole_numbers(s.rows * s.cols, 3)
                           : std::vector<float>(s.rows * s.cols, std::numeric_limits<float>::quiet_NaN());
  OnGpu const on_a(a, t.of_a ? s.inner : s.rows, numbers.in_is_bf16, place.before, place.gap);
  OnGpu const on_b(b, t.of_b ? s.cols : s.inner, numbers.in_is_bf16, place.before, place.gap);
  OnGpu const out(before, s.rows, numbers.out_is_bf16, place.before, place.gap);
  cuda::multiply(nullptr, {on_a.matrix(), t.of_a}, {on_b.matrix(), t.of_b}, adds, out.matrix());
  REQUIRE(cudaStreamSynchronize(nullptr) == cudaSuccess);

  auto const product = t.twin(wide(a), wide(b), s);
  auto const found = out.values();
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    double const exact = product[i] + (adds ? static_cast<double>(before[i]) : 0.0);
    if (found[i] != (numbers.out_is_bf16 ? as_bf16(exact) : static_cast<float>(exact))) ++wrong;
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("a product on the GPU equals its twin, for all transpositions and numbers, written or added") {
  if (!has_gpu()) return atl::test::skip(no_gpu);
  for (Transposition const& t : transpositions) {
    for (Numbers const& numbers : all_numbers) {
      for (reference::Extents const& s : {reference::Extents{1, 1, 1},
                                          {7, 5, 3},
                                          {64, 33, 130},
                                          {3, 129, 1},
                                          {130, 64, 17},
                                          {256, 128, 512}}) {
        for (Place const& place : {Place{0, 0}, {8, 8}, {3, 5}}) {
          check_product(t, numbers, s, place, false);
          check_product(t, numbers, s, place, true);
        }
      }
    }
  }
}

TEST_CASE("a product on the GPU takes fp32 numbers as they are") {
  if (!has_gpu()) return atl::test::skip(no_gpu);
  float const fine = 1.0F + 0x1p-20F;  // TF32 keeps ten bits of it
  constexpr std::size_t n = 128;
  std::vector<float> identity(n * n, 0.0F);
  for (std::size_t i = 0; i < n; ++i) identity[i * n + i] = 1.0F;
  OnGpu const a(std::vector<float>(n * n, fine), n, false), b(identity, n, false), out(identity, n, false);
  cuda::multiply(nullptr, {a.matrix(), false}, {b.matrix(), true}, false, out.matrix());
  CHECK(out.values() == std::vector<float>(n * n, fine));
}

TEST_CASE("a product on the GPU has the same bits each time, where its sums are long, too") {
  if (!has_gpu()) return atl::test::skip(no_gpu);
  std::size_t const rows = 96, cols = 64, inner = 32768;  // few outputs: worth splitting the sum
  std::mt19937 bits(1);
  auto const random = [&](std::size_t size) {
    std::vector<float> values(size);
    for (float& x : values) x = static_cast<float>(bits() >> 8U) * 0x1p-23F - 1.0F;
    return values;
  };
  auto const a = random(rows * inner), b = random(cols * inner), old = random(rows * cols);
  for (bool const is_bf16 : {false, true}) {
    OnGpu const on_a(a, inner, is_bf16), on_b(b, inner, is_bf16);
    std::vector<float> first;
    for (int i = 0; i < 5; ++i) {
      OnGpu const out(old, rows, false);
      cuda::multiply(nullptr, {on_a.matrix(), true}, {on_b.matrix(), false}, true, out.matrix());
      auto const found = out.values();
      if (i == 0) first = found;
      CHECK(std::memcmp(found.data(), first.data(), found.size() * sizeof(float)) == 0);
    }
  }
}

TEST_CASE("a product of nothing on the GPU is zero, or adds nothing") {
  if (!has_gpu()) return atl::test::skip(no_gpu);
  std::vector<float> const ones(12, 1.0F);
  OnGpu const out(ones, 3, true, 1, 2);
  cuda::Matrix const a{nullptr, true, 3, 0, 0}, b{nullptr, true, 4, 0, 0};
  cuda::multiply(nullptr, {a, false}, {b, true}, true, out.matrix());
  CHECK(out.values() == ones);
  cuda::multiply(nullptr, {a, false}, {b, true}, false, out.matrix());
  CHECK(out.values() == std::vector<float>(12, 0.0F));
}

TEST_CASE("a product that fails says of what shape") {
  std::vector<float> row(5, 0.0F);
  cuda::Matrix const a{row.data(), false, 1, 5, 3}, out{row.data(), false, 1, 1, 1};  // rows 3 apart, 5 long
  CHECK_THROWS_WITH(cuda::multiply(nullptr, {a, false}, {a, true}, false, out),
                    ContainsSubstring("fp32 1 x 5, rows 3 apart") && ContainsSubstring("cublas"));
}

TEST_CASE("a product on the GPU adds a bias to every row, or says that it has not") {
  if (!has_gpu()) return atl::test::skip(no_gpu);
  reference::Extents const s{64, 96, 32};
  std::size_t const before = GENERATE(0, 8, 1);  // numbers: far aligned, by 16 bytes at least, and askew
  for (Numbers const& numbers : all_numbers) {
    INFO(numbers.name << ", before " << before);
    auto const a = whole_numbers(s.rows * s.inner, 1), b = whole_numbers(s.inner * s.cols, 2);
    auto const bias = whole_numbers(s.cols, 3);
    OnGpu const on_a(a, s.rows, numbers.in_is_bf16), on_b(b, s.cols, numbers.in_is_bf16);
    OnGpu const on_bias(bias, 1, numbers.out_is_bf16, before);
    OnGpu const out(std::vector<float>(s.rows * s.cols), s.rows, numbers.out_is_bf16);
    bool const is_added = cuda::multiply(nullptr, {on_a.matrix(), false}, {on_b.matrix(), true}, false,
                                         out.matrix(), on_bias.matrix().data);
    REQUIRE(cudaStreamSynchronize(nullptr) == cudaSuccess);

    auto const product = reference::matmul_nt(wide(a), wide(b), s);
    auto const found = out.values();
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      double const exact = product[i] + (is_added ? static_cast<double>(bias[i % s.cols]) : 0.0);
      if (found[i] != (numbers.out_is_bf16 ? as_bf16(exact) : static_cast<float>(exact))) ++wrong;
    }
    CHECK(wrong == 0);
  }
}
