#include <fmt/format.h>

#include "base/error.hpp"
#include "checkpoint/format.hpp"
#include "checkpoint/hdf5_file.hpp"
#include "checkpoint/hdf5_handle.hpp"

namespace atl::checkpoint {

namespace fs = std::filesystem;

namespace {

// What a value can be; the words stand in messages.
constexpr std::string_view whole_number = "a whole number";
constexpr std::string_view real_number = "a real number";
constexpr std::string_view text_value = "a text";
constexpr std::string_view float_list = "a list of 32-bit floats";
constexpr std::string_view whole_list = "a list of whole numbers";

[[noreturn]] void refuse(std::string const& where, std::string what) {
  throw base::InputError(where, std::move(what), "this checkpoint is damaged: use another one");
}

// For reading: a failure is the file's.
template <class Result>
Result expect(Result result, std::string const& where) {
  if (result < 0) refuse(where, fmt::format("cannot be read: {}", failure_reason()));
  return result;
}

bool is_fixed_text(Type const& type) {
  return H5Tget_class(type.get()) == H5T_STRING && H5Tis_variable_str(type.get()) == 0;
}

std::string read_text_attribute(hid_t object, char const* name, std::string const& where) {
  Attribute const attribute(expect(H5Aopen(object, name, H5P_DEFAULT), where));
  Type const type(expect(H5Aget_type(attribute.get()), where));
  if (!is_fixed_text(type)) refuse(where, fmt::format("its attribute '{}' is not a text", name));
  std::string text(H5Tget_size(type.get()), '\0');
  expect(H5Aread(attribute.get(), type.get(), text.data()), where);
  return text;
}

// A dataset as it lies in the file.
struct Value {
  Object dataset;
  Type type;
  Space space;
  std::string where;

  std::string_view kind() const {
    auto const extent = H5Sget_simple_extent_type(space.get());
    bool const is_list = extent == H5S_SIMPLE && H5Sget_simple_extent_ndims(space.get()) == 1;
    bool const is_scalar = extent == H5S_SCALAR;
    if (H5Tequal(type.get(), H5T_STD_U64LE) > 0 && is_scalar) return whole_number;
    if (H5Tequal(type.get(), H5T_IEEE_F64LE) > 0 && is_scalar) return real_number;
    if (H5Tequal(type.get(), H5T_STD_U64LE) > 0 && is_list) return whole_list;
    if (H5Tequal(type.get(), H5T_IEEE_F32LE) > 0 && is_list) return float_list;
    if (is_fixed_text(type) && !is_list) return text_value;
    return "a type that atoll does not write";
  }

  std::size_t count() const { return static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get())); }

  void read(std::span<std::byte> bytes) const {
    if (!bytes.empty()) {
      expect(H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), where);
    }
    auto const written = read_text_attribute(dataset.get(), digest_attribute, where);
    auto const found = base::digest_of(std::span<std::byte const>(bytes)).hex();
    if (found != written) refuse(where, fmt::format("has digest {}, {} was written", found, written));
  }
};

class GroupReader final : public base::Reader {
 public:
  GroupReader(Object group, std::string where) : group_(std::move(group)), where_(std::move(where)) {}

  std::unique_ptr<base::Reader> group(std::string_view name) const override {
    Object found = open(name);
    if (H5Iget_type(found.get()) != H5I_GROUP) refuse_kind(place_of(where_, name), "a value", "a group");
    return std::make_unique<GroupReader>(std::move(found), place_of(where_, name));
  }

  std::uint64_t read_uint(std::string_view name) const override {
    return read_scalar<std::uint64_t>(name, whole_number);
  }
  double read_double(std::string_view name) const override { return read_scalar<double>(name, real_number); }

  std::string read_text(std::string_view name) const override {
    Value const value = find(name, text_value);
    std::string text(value.count() * H5Tget_size(value.type.get()), '\0');
    value.read(std::as_writable_bytes(std::span(text)));
    return text;
  }

  void read(std::string_view name, std::span<float> values) const override {
    Value const value = find(name, float_list);
    if (value.count() != values.size()) {
      refuse_kind(value.where, fmt::format("{} values", value.count()),
                  fmt::format("{} values", values.size()));
    }
    value.read(std::as_writable_bytes(values));
  }

  std::vector<std::uint64_t> read_uints(std::string_view name) const override {
    Value const value = find(name, whole_list);
    std::vector<std::uint64_t> values(value.count());
    value.read(std::as_writable_bytes(std::span(values)));
    return values;
  }

 private:
  [[noreturn]] static void refuse_kind(std::string const& where, std::string_view found,
                                       std::string_view wanted) {
    throw base::InputError(where, fmt::format("holds {} instead of {}", found, wanted),
                           "it was written for another model or layout, or by another version of atoll");
  }

  Object open(std::string_view name) const {
    std::string const where = place_of(where_, name);
    std::string const link(name);
    if (expect(H5Lexists(group_.get(), link.c_str(), H5P_DEFAULT), where) == 0) {
      throw base::InputError(where, "is not in this file",
                             "it was written for another model or layout, or by another version of atoll");
    }
    return Object(expect(H5Oopen(group_.get(), link.c_str(), H5P_DEFAULT), where));
  }

  Value find(std::string_view name, std::string_view wanted) const {
    std::string const where = place_of(where_, name);
    Object object = open(name);
    if (H5Iget_type(object.get()) != H5I_DATASET) refuse_kind(where, "a group", wanted);
    Type type(expect(H5Dget_type(object.get()), where));
    Space space(expect(H5Dget_space(object.get()), where));
    Value value{std::move(object), std::move(type), std::move(space), where};
    if (value.kind() != wanted) refuse_kind(where, value.kind(), wanted);
    return value;
  }

  template <class T>
  T read_scalar(std::string_view name, std::string_view kind) const {
    T scalar{};
    find(name, kind).read(std::as_writable_bytes(std::span(&scalar, 1)));
    return scalar;
  }

  Object group_;
  std::string where_;
};

}  // namespace

struct FileReader::State {
  File hdf5;
  std::unique_ptr<GroupReader> root;
};

FileReader::FileReader(fs::path const& folder, WrittenFile const& expected)
    : state_(std::make_unique<State>()) {
  if (auto damage = find_damage(folder, expected, true)) throw base::InputError({*std::move(damage)});
  std::string const where = (folder / expected.name).string();
  Properties const access = file_access();
  state_->hdf5 = File(expect(H5Fopen(where.c_str(), H5F_ACC_RDONLY, access.get()), where));
  Object group(expect(H5Gopen2(state_->hdf5.get(), "/", H5P_DEFAULT), where));
  if (H5Aexists(group.get(), program_attribute) <= 0 ||
      read_text_attribute(group.get(), program_attribute, where) != program) {
    throw base::InputError(where, "was not written by atoll", "name a file of an atoll checkpoint");
  }
  Attribute const attribute(expect(H5Aopen(group.get(), format_attribute, H5P_DEFAULT), where));
  std::uint64_t version = 0;
  expect(H5Aread(attribute.get(), H5T_NATIVE_UINT64, &version), where);
  if (version > format_version) {
    throw base::InputError(
        where, fmt::format("has format version {}, this atoll reads up to {}", version, format_version),
        "use the version of atoll that wrote it, or a newer one");
  }
  state_->root = std::make_unique<GroupReader>(std::move(group), where + ":/");
}

FileReader::~FileReader() = default;
FileReader::FileReader(FileReader&&) noexcept = default;
FileReader& FileReader::operator=(FileReader&&) noexcept = default;

base::Reader const& FileReader::root() const { return *state_->root; }

}  // namespace atl::checkpoint
