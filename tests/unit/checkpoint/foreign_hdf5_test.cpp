// Files that HDF5 can read but that are not ours: made with HDF5 itself.
#include <hdf5.h>

#include "checkpoint/format.hpp"
#include "checkpoint/hdf5_file.hpp"
#include "support/catch.hpp"
#include "support/file_bytes.hpp"
#include "support/scratch_folder.hpp"

using namespace atl;
using namespace atl::checkpoint;

TEST_CASE("a file of a newer format is refused with both versions") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "shard_0.h5";
  FileWriter(folder.path(), "shard_0.h5").finish();
  auto const hdf5 = H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  auto const attribute = H5Aopen(hdf5, "format_version", H5P_DEFAULT);
  std::uint64_t const newer = format_version + 1;
  REQUIRE(H5Awrite(attribute, H5T_NATIVE_UINT64, &newer) >= 0);
  H5Aclose(attribute);
  H5Fclose(hdf5);

  CHECK_THROWS_AS(FileReader(folder.path(), describe(file)), base::InputError);
  CHECK_THROWS_WITH(
      FileReader(folder.path(), describe(file)),
      ContainsSubstring("has format version 4, this atoll reads up to 3") && ContainsSubstring("newer"));
}

TEST_CASE("an HDF5 file of another program is refused") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "weather.h5";
  H5Fclose(H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  CHECK_THROWS_AS(FileReader(folder.path(), describe(file)), base::InputError);
  CHECK_THROWS_WITH(FileReader(folder.path(), describe(file)), ContainsSubstring("was not written by atoll"));
}

TEST_CASE("a file that is not HDF5 is refused") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "notes.txt";
  test::put_bytes(file, "not HDF5");
  CHECK_THROWS_AS(FileReader(folder.path(), describe(file)), base::InputError);
}

TEST_CASE("a value of a type that is never written is refused") {
  test::ScratchFolder const folder;
  auto const file = folder.path() / "shard_0.h5";
  FileWriter(folder.path(), "shard_0.h5").finish();
  auto const hdf5 = H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  auto const scalar = H5Screate(H5S_SCALAR);
  H5Dclose(H5Dcreate2(hdf5, "signed", H5T_STD_I64LE, scalar, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Dclose(H5Dcreate2(hdf5, "bare", H5T_STD_U64LE, scalar, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Sclose(scalar);
  H5Fclose(hdf5);

  FileReader const reader(folder.path(), describe(file));
  CHECK_THROWS_WITH(reader.root().read_uint("signed"), ContainsSubstring(":/signed: holds"));
  CHECK_THROWS_AS(reader.root().read_uint("bare"), base::InputError);  // it has no digest
}
