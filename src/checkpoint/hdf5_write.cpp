#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

#include "base/durable_file.hpp"
#include "base/error.hpp"
#include "checkpoint/format.hpp"
#include "checkpoint/hdf5_file.hpp"
#include "checkpoint/hdf5_handle.hpp"

namespace atl::checkpoint {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "digests are of the bytes in the file");

namespace {

// For writing: a failure is the system's.
template <class Result>
Result check(Result result, std::string const& where,
             std::source_location source = std::source_location::current()) {
  if (result >= 0) return result;
  throw base::RuntimeFailure(fmt::format("{}: cannot write: {}", where, failure_reason()), source);
}

// Creation without time stamps: the same values give the same bytes.
Properties untimed(hid_t what) {
  Properties creation(H5Pcreate(what));
  H5Pset_obj_track_times(creation.get(), false);
  return creation;
}

// HDF5 has no empty string type; an empty text has a type of one byte and a null space.
Type text_type(std::size_t bytes) {
  Type type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), std::max<std::size_t>(bytes, 1));
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

void write_attribute(hid_t object, char const* name, hid_t type, void const* value,
                     std::string const& where) {
  Space const scalar(H5Screate(H5S_SCALAR));
  Attribute const attribute(
      check(H5Acreate2(object, name, type, scalar.get(), H5P_DEFAULT, H5P_DEFAULT), where));
  check(H5Awrite(attribute.get(), type, value), where);
}

void write_attribute(hid_t object, char const* name, std::string_view text, std::string const& where) {
  write_attribute(object, name, text_type(text.size()).get(), text.data(), where);
}

class GroupWriter final : public base::Writer {
 public:
  GroupWriter(Object group, std::string where) : group_(std::move(group)), where_(std::move(where)) {}

  std::unique_ptr<base::Writer> group(std::string_view name) override {
    std::string const where = claim(name);
    Properties const creation = untimed(H5P_GROUP_CREATE);
    Object group(
        check(H5Gcreate2(group_.get(), std::string(name).c_str(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
              where));
    return std::make_unique<GroupWriter>(std::move(group), where);
  }

  void write(std::string_view name, std::uint64_t value) override {
    put(name, H5T_STD_U64LE, Space(H5Screate(H5S_SCALAR)), std::as_bytes(std::span(&value, 1)));
  }
  void write(std::string_view name, double value) override {
    put(name, H5T_IEEE_F64LE, Space(H5Screate(H5S_SCALAR)), std::as_bytes(std::span(&value, 1)));
  }
  void write(std::string_view name, std::string_view text) override {
    put(name, text_type(text.size()).get(), Space(H5Screate(text.empty() ? H5S_NULL : H5S_SCALAR)),
        std::as_bytes(std::span(text)));
  }
  void write(std::string_view name, std::span<float const> values) override {
    put(name, H5T_IEEE_F32LE, list_of(values.size()), std::as_bytes(values));
  }
  void write(std::string_view name, std::span<std::uint64_t const> values) override {
    put(name, H5T_STD_U64LE, list_of(values.size()), std::as_bytes(values));
  }

 private:
  static Space list_of(hsize_t count) { return Space(H5Screate_simple(1, &count, nullptr)); }

  // The place of a new name, for messages.
  std::string claim(std::string_view name) const {
    std::string place = place_of(where_, name);
    if (check(H5Lexists(group_.get(), std::string(name).c_str(), H5P_DEFAULT), place) > 0) {
      throw base::RuntimeFailure(fmt::format("{}: written twice", place));
    }
    return place;
  }

  void put(std::string_view name, hid_t type, Space const& space, std::span<std::byte const> bytes) {
    std::string const where = claim(name);
    Properties const creation = untimed(H5P_DATASET_CREATE);
    H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER);
    Object const dataset(check(H5Dcreate2(group_.get(), std::string(name).c_str(), type, space.get(),
                                          H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                               where));
    write_attribute(dataset.get(), digest_attribute, base::digest_of(bytes).hex(), where);
    if (bytes.empty()) return;
    check(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), where);
  }

  Object group_;
  std::string where_;  // "<file>:/group/group"
};

}  // namespace

struct FileWriter::State {
  explicit State(fs::path final_name) : file(std::move(final_name)), temporary(base::temporary_name(file)) {}
  State(State const&) = delete;
  State& operator=(State const&) = delete;
  ~State() {
    if (published) return;
    root.reset();
    if (hdf5.get() >= 0) hdf5.close();
    ::unlink(temporary.c_str());
  }

  fs::path file;
  fs::path temporary;
  File hdf5;
  std::unique_ptr<GroupWriter> root;
  bool published = false;
};

FileWriter::FileWriter(fs::path const& folder, std::string_view name)
    : state_(std::make_unique<State>(folder / name)) {
  Properties const access = file_access();
  Properties const creation = untimed(H5P_FILE_CREATE);
  std::string const where = state_->temporary.string();
  state_->hdf5 = File(check(H5Fcreate(where.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), where));
  Object group(check(H5Gopen2(state_->hdf5.get(), "/", H5P_DEFAULT), where));
  write_attribute(group.get(), program_attribute, program, where);
  write_attribute(group.get(), format_attribute, H5T_STD_U64LE, &format_version, where);
  state_->root = std::make_unique<GroupWriter>(std::move(group), where + ":/");
}

FileWriter::~FileWriter() = default;
FileWriter::FileWriter(FileWriter&&) noexcept = default;
FileWriter& FileWriter::operator=(FileWriter&&) noexcept = default;

base::Writer& FileWriter::root() { return *state_->root; }

WrittenFile FileWriter::finish() {
  State& s = *state_;
  s.root.reset();
  check(s.hdf5.close(), s.temporary.string());
  WrittenFile written = describe(s.temporary);
  written.name = s.file.filename().string();
  base::publish(s.temporary, s.file);
  s.published = true;
  return written;
}

}  // namespace atl::checkpoint
