/* SPDX-License-Identifier: MIT */
/* Only main(), so that tests can link everything else. */
#include "vl.h"

int main(int argc, char **argv)
{
    return rhea_main(argc, argv);
}
