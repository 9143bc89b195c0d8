/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share. Each *-fuzz.c has the entry of libFuzzer ("make fuzz", built by clang); fuzz-main.c
 * drives the same entry without it, over the corpus and a fixed number of deterministic mutations ("make check").
 */
#ifndef RHEA_TESTS_FUZZ_H
#define RHEA_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* One input; a crash, a hang or a sanitizer report is the failure. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
