// The archive in memory, under the tests' own names.
#pragma once

#include "base/memory_archive.hpp"

namespace atl::test {

using base::MemoryReader;
using base::MemoryWriter;
using base::saved;
using base::Values;

}  // namespace atl::test
