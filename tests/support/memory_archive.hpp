// The archive in memory under the names that tests use.
#pragma once

#include "base/memory_archive.hpp"

namespace atl::test {

using base::MemoryReader;
using base::MemoryWriter;
using base::saved;
using Values = base::MemoryValues;

}  // namespace atl::test
