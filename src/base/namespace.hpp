// Included by the compiler ahead of every file. C owns the name `atoll` in the global namespace (a function
// of <stdlib.h>, beside atoi), so a namespace cannot be called that: what we write as atoll:: is compiled as
// atoll_::.
#pragma once

#include <cstdlib>  // declares C's function before its name is taken

#define atoll atoll_
