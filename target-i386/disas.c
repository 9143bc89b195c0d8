/* SPDX-License-Identifier: MIT */
/* Disassembly of guest code for logs and the monitor: capstone when configured, else bytes in hex. */
#include "cpu.h"
#include <inttypes.h>
#ifdef CONFIG_CAPSTONE
#include <capstone/capstone.h>
#endif

static void print_bytes(FILE *out, uint64_t pc, const uint8_t *bytes, size_t len)
{
    fprintf(out, "0x%08" PRIx64 ": ", pc);
    for (size_t i = 0; i < len; i++)
        fprintf(out, " %02x", bytes[i]);
}

#ifdef CONFIG_CAPSTONE
static bool open_capstone(csh *handle, uint32_t flags)
{
    cs_mode mode = flags & HF_CS64 ? CS_MODE_64 : flags & HF_CS32 ? CS_MODE_32 : CS_MODE_16;

    if (cs_open(CS_ARCH_X86, mode, handle) != CS_ERR_OK)
        return false;
    cs_option(*handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
    return true;
}

static void print_insn(FILE *out, const cs_insn *insn)
{
    print_bytes(out, insn->address, insn->bytes, insn->size);
    fprintf(out, "%*s %s %s\n", insn->size < 10 ? (int)(3 * (10 - insn->size)) : 1, "", insn->mnemonic, insn->op_str);
}

void x86_disas(FILE *out, const CPUState *cpu, uint32_t flags, uint64_t pc, const uint8_t *bytes, size_t len)
{
    csh handle;
    cs_insn *insn;

    (void)cpu;
    if (!open_capstone(&handle, flags)) {
        print_bytes(out, pc, bytes, len);
        fputc('\n', out);
        return;
    }
    insn = cs_malloc(handle);
    while (len) {
        if (cs_disasm_iter(handle, &bytes, &len, &pc, insn)) {
            print_insn(out, insn);
        } else { /* not an instruction: one byte, then try again */
            print_bytes(out, pc++, bytes++, 1);
            fputs("  .byte\n", out);
            len--;
        }
    }
    cs_free(insn, 1);
    cs_close(&handle);
}
#else
void x86_disas(FILE *out, const CPUState *cpu, uint32_t flags, uint64_t pc, const uint8_t *bytes, size_t len)
{
    (void)cpu;
    (void)flags;
    for (size_t at = 0; at < len; at += 16) {
        print_bytes(out, pc + at, bytes + at, len - at < 16 ? len - at : 16);
        fputc('\n', out);
    }
}
#endif
