/* SPDX-License-Identifier: MIT */
/*
 * The x86 translation context: what decoder and emitters share. Decode tables load operands, check
 * prefixes and features; an emitter only operates. Emitter files: emit-int.c (integer, control flow,
 * strings), emit-sys.c (system instructions), emit-fpu.c (x87), emit-sse.c (MMX, SSE, AES …).
 */
#ifndef TARGET_I386_TRANSLATE_H
#define TARGET_I386_TRANSLATE_H

#include "cpu.h"
#include "tcg/ir.h"
#include "tcg/vec.h"

/* Where an operand is; see decode.c for the notation of the tables. */
typedef enum OperandKind {
    OPK_NONE, OPK_REG /* general register n */, OPK_MEM, OPK_IMM, OPK_SEG, OPK_CR, OPK_DR, OPK_XMM, OPK_MMX,
} OperandKind;
typedef struct X86Operand {
    uint8_t kind;
    uint8_t n;         /* register number */
    uint8_t size;      /* MO_8 … MO_128 */
    bool high_byte;    /* AH CH DH BH */
    IRVal val;         /* loaded value (sources), where the result goes (destinations) */
} X86Operand;

typedef struct DisasContext {
    TranslatorContext base;
    X86CPU *env;
    IRFunc *ir;
    uint32_t flags;    /* TBState.flags */
    unsigned mmu_mode;
    bool code64, code32, addseg, segcheck;
    uint8_t cpl, iopl;
    CCOp cc_op;        /* static knowledge; CC_OP_DYNAMIC when unknown */
    bool cc_op_dirty;  /* the cc_op global is stale */

    /* this instruction */
    uint8_t prefix;    /* PREFIX_* */
    uint8_t rex, rex_w, rex_r, rex_x, rex_b, vex, vex_l, vex_v, vex_w; /* vex_w: also outside 64-bit mode */
    int8_t segment;    /* override or -1 */
    MemOp ot;          /* operand size MO_16/32/64 */
    MemOp at;          /* address size */
    bool has_modrm;
    uint8_t modrm, mod, reg, rm; /* reg and rm with REX bits */
    uint16_t opcode;   /* with map in the high byte: 0x0100 = 0F, 0x0200 = 0F38, 0x0300 = 0F3A */
    uint64_t imm;      /* branch displacement */
    uint16_t row_flags; /* ROW_* of the decode table */
    bool too_long;     /* more than 15 bytes: #GP once the emitter has returned */
    /* effective address of the ModRM memory operand, before segmentation */
    IRVal ea;          /* offset; valid when mod != 3 */
    int8_t ea_seg;     /* segment that applies */
    int8_t mem_base, mem_index; /* registers of the address, -1 none, MEM_RIP */
    uint8_t mem_scale;
    int64_t mem_disp;
    bool in_place;     /* the result is computed in op[0]'s register */
    IRVal linear;      /* of a memory op[0] that is read and written */
    X86Operand op[4];

    /* operands of the last comparison, good while nothing has written them since IR op cc_mark */
    IRVal cc_a, cc_b;
    unsigned cc_mark;

    /* x87 state: X87_* of emit-x87.h, good while there is no label since IR op x87_mark; FCS is this TB's */
    uint8_t x87_place;
    bool x87_cs_stored;
    int8_t x87_ds;     /* segment whose selector is in FDS, or -1 */
    unsigned x87_mark;

    uint8_t slots;     /* of goto_tb used */
    bool step;         /* TF: #DB after this instruction */
    bool state_changed; /* the TB state is no longer that of the TB: no goto_tb */
} DisasContext;
enum { MEM_RIP = 16 };
enum { PREFIX_REPZ = 1, PREFIX_REPNZ = 2, PREFIX_LOCK = 4, PREFIX_DATA = 8, PREFIX_ADDR = 16 };

/* Globals */
extern IRVal cpu_regs[16], cpu_cc_dst, cpu_cc_src, cpu_cc_src2, cpu_cc_ovr, cpu_cc_op;
static inline IRVal x86_tmp(DisasContext *s) { return ir_temp(s->ir, IR_I64); }
extern IRVal cpu_xmm[16];  /* V128; emit-sse.c */
void x86_sse_init(void);   /* registers cpu_xmm; once, from x86_translate_init */

/* Fetch the rest of the instruction */
uint64_t x86_fetch_imm(DisasContext *s, MemOp size); /* sign-extended for sizes under 64 */

/* Memory: linear address of an offset in a segment with the limit and type checks the mode asks for
 * (raises #GP/#SS through a helper); access is made of `bytes` bytes. */
IRVal x86_linear(DisasContext *s, IRVal offset, int seg, unsigned bytes, bool write);
IRVal x86_ea_linear(DisasContext *s, unsigned bytes, bool write); /* of the ModRM operand */
/* Are accesses through this segment checked for limit and type? */
bool x86_checks_segment(const DisasContext *s, int seg, bool write);
/* #GP when the linear address is not a multiple of bytes: before the limit check of operands that ask for alignment. */
void x86_check_alignment(DisasContext *s, IRVal offset, int seg, unsigned bytes);
/* Before the same access in more pieces than one: an 8-byte piece at offset that only raises its faults. */
void x86_probe_piece(DisasContext *s, IRVal offset, int seg, bool write);
void x86_ld(DisasContext *s, IRType t, IRVal dst, IRVal linear, MemOp op);
void x86_st(DisasContext *s, IRType t, IRVal src, IRVal linear, MemOp op);
MemOp x86_checked_memop(const DisasContext *s, MemOp op); /* with MO_ALIGN under alignment checks: for atomics */

/* Raise a fault at this instruction (state synced) and end the TB. */
void x86_gen_exception(DisasContext *s, int vector);
void x86_gen_exception_err(DisasContext *s, int vector, uint32_t error);
void x86_gen_illegal(DisasContext *s); /* #UD */
/* Before a helper that may fault or read flags: brings cc_op and eip to CPUState as needed. */
void x86_sync_cc_op(DisasContext *s);
void x86_store_eip(DisasContext *s, uint64_t eip);      /* current or next instruction's offset */
static inline uint64_t x86_eip_of(const DisasContext *s, uint64_t linear)
{
    uint64_t eip = linear - s->base.state.cs_base;
    return s->code64 ? eip : (uint32_t)eip;
}
static inline uint64_t x86_cur_eip(const DisasContext *s) { return x86_eip_of(s, s->base.insn_pc); }
static inline uint64_t x86_next_eip(const DisasContext *s) { return x86_eip_of(s, s->base.pc); }
/* All six flags into cc_src, cc_op = EFLAGS (static). May be called before operations that fault. */
void x86_compute_eflags(DisasContext *s);
/* Changes only the flags of a CC_OVR_* mask, to the bits given in EFLAGS layout (I64; other bits zero). */
void x86_cc_override(DisasContext *s, unsigned mask, IRVal bits);
void x86_set_cc_op(DisasContext *s, CCOp op);
/* Ends the TB after an instruction that may have changed TB state; eip of the next instruction is stored. */
void x86_end_tb_lookup(DisasContext *s);
void x86_end_tb_exit(DisasContext *s);
/*
 * Ends the TB with a jump to the TB of eip under the key that CPUState has now, without a look-up in C unless that TB
 * is not in the jump cache or an interrupt waits. eip and cc_op have been stored. The jump cache has only TBs whose
 * linear pc is their eip, so wherever that is not so this misses.
 */
void x86_goto_by_key(DisasContext *s, IRVal eip);

/* Emitters of whole classes: return true when the instruction was theirs. They see s->opcode with
 * prefixes decoded; ModRM has been fetched (has_modrm) but immediates have not. */
bool x86_emit_fpu(DisasContext *s);   /* D8-DF, 9B */
bool x86_emit_sse(DisasContext *s);   /* MMX and SSE opcodes of 0F, 0F38, 0F3A; EMMS, LDMXCSR, FXSAVE, XSAVE group … */
bool x86_emit_sys(DisasContext *s);   /* system instructions */
/* After an IN or OUT of so many bytes: #DB when an I/O breakpoint watches the port. */
void x86_io_trap(DisasContext *s, IRVal port, unsigned bytes);
/* After an instruction that may have raised an SMI on its own vCPU. */
void x86_leave_if_smi(DisasContext *s);

/* After an instruction that may have changed HF_FPEXACT: leaves the TB if it did. emit-fpu.c */
void x86_recheck_fp_exact(DisasContext *s);

#endif
