/* SPDX-License-Identifier: MIT */
/* Shows host code for -d out_asm: with capstone as assembly, else as bytes. */
#include "tcg/x86_64/jit.h"
#ifdef CONFIG_CAPSTONE
#include <capstone/capstone.h>
#include <inttypes.h>

void x86_64_disas(FILE *out, const TranslationBlock *tb)
{
    csh handle;
    cs_insn *insn;
    size_t n;

    if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK) {
        return;
    }
    n = cs_disasm(handle, tb->code, tb->code_size, (uintptr_t)tb->code, 0, &insn);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "0x%" PRIx64 ":  %-8s %s\n", insn[i].address, insn[i].mnemonic, insn[i].op_str);
    }
    cs_free(insn, n);
    cs_close(&handle);
}
#else
void x86_64_disas(FILE *out, const TranslationBlock *tb)
{
    for (uint32_t i = 0; i < tb->code_size; i++) {
        fprintf(out, "%02x%s", tb->code[i], i % 16 == 15 || i + 1 == tb->code_size ? "\n" : " ");
    }
}
#endif
