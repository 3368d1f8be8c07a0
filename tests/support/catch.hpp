// Catch2 for our tests, the same for version 2.13 (Debian 12) and version 3.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>

using Catch::Approx;
using Catch::Matchers::Contains;
using Catch::Matchers::ContainsSubstring;
#else
#include <catch2/catch.hpp>
#endif
