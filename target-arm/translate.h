/* SPDX-License-Identifier: MIT */
/*
 * The Arm translation context: what the decoders and emitters of all instruction sets share (translate.c). Who translates what:
 *   translate.c         TB start and stop, flags, memory accesses, exceptions, ends of a TB; picks the instruction set
 *   translate-a64*.c    a64.decode: integer, branches, loads and stores, system
 *   translate-a64-fp*.c a64-simd.decode: a64_simd_insn()
 *   translate-a32*.c    a32.decode, t32.decode, t16.decode: a32_translate_insn(), thumb_translate_insn()
 *   translate-vfp*.c    vfp.decode, neon.decode: a32_vfp_insn() …
 *   translate-sys.c     MRS/MSR/SYS, MCR/MRC/MCRR/MRRC of cp14 and cp15
 *
 * Rules: guest registers are I64 globals; an I32 operation reads the low half and zero-extends what it writes, so W registers and
 * AArch32 registers need nothing extra. Registers and flags are written after every operation that may fault.
 */
#ifndef TARGET_ARM_TRANSLATE_H
#define TARGET_ARM_TRANSLATE_H

#include "cpu.h"
#include "tcg/ir.h"
#include "tcg/vec.h"

/* AArch32: VFP registers, as singles [first, first + n), whose value val has in its low lane. */
typedef struct VFPLane {
    IRVal val;
    uint8_t first, n;
} VFPLane;

typedef struct DisasContext {
    TranslatorContext base;
    ARMCPU *env;         /* features and ID registers only: never state */
    IRFunc *ir;
    uint32_t flags;      /* TBState.flags: TBF_* */
    bool aarch64, thumb, m_profile;
    uint8_t el, mmu_mode, unpriv_mode; /* unpriv_mode: of LDTR, LDRT */
    uint8_t fp_el;       /* FP and SIMD trap to this EL; 0 = enabled */
    bool be_data, align;
    uint32_t insn;       /* being translated; T32: first halfword in the high half */
    uint8_t insn_bytes;  /* 2 or 4 */

    /* Flags: static knowledge */
    uint8_t cc_op;       /* ARMCCOp; CC_DYNAMIC when unknown */
    bool cc_op_dirty;    /* the cc_op global is stale */
    /* The flags are those of cmp_a - cmp_b, good while nothing has written these since IR op cmp_mark. Without
     * cmp_carry all but C. */
    IRVal cmp_a, cmp_b;
    unsigned cmp_mark;
    bool cmp_carry;
    IRVal fcmp;          /* I32 or NONE: the flags are those of a floating-point comparison, as of CC_FCMP */
    IRVal fpscr_fcmp;    /* AArch32: the same of FPSCR's flags */
    bool cc_whole;       /* CC_NZ_*: cc_a and cc_b also give N and Z */
    /* AArch32: registers that were multiples of 4 at IR op aligned_mark (translate-vfp.c) */
    uint16_t word_aligned;
    unsigned aligned_mark;
    /* Good at IR op lane_mark (translate-vfp.c) */
    VFPLane lane[8];
    uint8_t nlanes;
    unsigned lane_mark;

    /* AArch32: for translate-a32*.c */
    uint8_t condexec;    /* IT[7:0] as it is after this instruction: thumb_translate_insn() advances it at once (faults
                            find the old value in InsnData.extra); the functions that end a TB store it */
    uint8_t cond;        /* condition of this instruction; 14 always */
    bool cond_jump;      /* the instruction is conditional and cond_label is where it is skipped to */
    unsigned cond_label;

    uint8_t slots;       /* of goto_tb used */
    bool step;           /* software step: exception after this instruction */
    bool state_changed;  /* the TB state is no longer that of the TB: no goto_tb */
    bool btype_set;      /* this instruction sets BTYPE */
    bool fp_checked;     /* FP access has been checked for this instruction */
} DisasContext;

/* InsnData.extra: cc_op | condexec << 8. arm_translate_insn() has called ir_insn_start when an instruction set's function runs. */

/* ---- Globals ---- */
extern IRVal cpu_x[32], arm_flag_nz, arm_flag_a, arm_flag_b, arm_flag_op;
extern IRVal cpu_v[32]; /* V128; registered by arm_simd_init() in translate-a64-fp.c */
void arm_simd_init(void);

/* ---- Values ---- */
static inline IRVal arm_tmp(DisasContext *s) { return ir_temp(s->ir, IR_I64); }
static inline IRVal arm_tmp32(DisasContext *s) { return ir_temp(s->ir, IR_I32); }
static inline IRVal arm_tmpv(DisasContext *s) { return ir_temp(s->ir, IR_V128); }
static inline IRType arm_type(bool sf) { return sf ? IR_I64 : IR_I32; }
/* AArch64 register n for reading (31 = zero), or as SP; and where to write it (31 = a temp nobody reads). */
IRVal a64_reg(DisasContext *s, unsigned n);
static inline IRVal a64_reg_sp(DisasContext *s, unsigned n)
{
    (void)s;
    return cpu_x[n];
}
IRVal a64_dest(DisasContext *s, unsigned n);
/* AArch32 register n for reading: r15 is the constant that the architecture says (+8, Thumb +4). */
IRVal a32_reg(DisasContext *s, unsigned n);
static inline uint64_t arm_pc(const DisasContext *s) { return s->base.insn_pc; }
static inline uint64_t arm_next_pc(const DisasContext *s) { return s->base.pc; }

/* ---- Flags (translate-cc.c) ---- */
/* The flags of a + b or a - b. Call before the destination is written; result: a value that holds the result, or IR_NONE to have
 * it computed. t is the width. */
void arm_cc_add(DisasContext *s, IRType t, IRVal result, IRVal a, IRVal b);
void arm_cc_sub(DisasContext *s, IRType t, IRVal result, IRVal a, IRVal b);
void arm_cc_logic(DisasContext *s, IRType t, IRVal result);  /* N, Z; C = V = 0 */
/* The flags of a - b (or a + b) if t0 holds, else the constant nzcv (bits 3-0): CCMP, CCMN. */
typedef struct ARMTest ARMTest;
void arm_cc_conditional(DisasContext *s, const ARMTest *t0, IRType t, IRVal a, IRVal b, bool add, unsigned nzcv);
/* dst = a + b + carry with all flags. carry is 0 or 1 (any I64 value; NONE: the C flag). SBC: pass ~b. dst may be IR_NONE. */
void arm_cc_adc(DisasContext *s, IRType t, IRVal dst, IRVal a, IRVal b, IRVal carry);
void arm_cc_nzcv(DisasContext *s, IRVal nzcv);               /* from bits 31-28 */
void arm_cc_fcmp(DisasContext *s, IRVal flags);              /* from the host's flags of a comparison (I32) */
/* AArch32: N and Z only; N, Z and C (0 or 1), V kept. */
void a32_cc_nz(DisasContext *s, IRVal result);
void a32_cc_nzc(DisasContext *s, IRVal result, IRVal carry);
IRVal arm_cc_get_nzcv(DisasContext *s);                      /* I64, bits 31-28 */
IRVal arm_cc_carry(DisasContext *s);                         /* I64, 0 or 1 */
IRVal arm_cc_overflow(DisasContext *s);
/* The condition as one IR comparison (a cond b at width t); code may have been emitted to compute a and b. */
struct ARMTest {
    IRCond cond;
    IRType type;
    IRVal a, b;
};
ARMTest arm_test(DisasContext *s, unsigned cond);
void arm_brcond(DisasContext *s, unsigned cond, unsigned label); /* to label when cond (0-13) holds */
/* At labels and helpers that see flags: what is known must be in cc_op. */
void arm_sync_cc_op(DisasContext *s);
/* After a label where paths with different knowledge meet. */
void arm_forget_cc(DisasContext *s);

/* ---- Exclusives and atomics ---- */
/* v as it is in memory under the TB's byte order: atomic operations are little-endian. op: its size. */
IRVal arm_memory_order(DisasContext *s, MemOp op, IRVal v);
/* Before the load of a load-exclusive; after an access that is atomic otherwise. */
void arm_exclusive_load(DisasContext *s, IRVal addr);
void arm_exclusive_count(DisasContext *s, IRVal addr);
/* Stores value if the monitor and memory allow: status (0 = stored) to out. Opens the monitor. */
void arm_exclusive_store(DisasContext *s, IRType t, MemOp size, IRVal out, IRVal addr, IRVal value);

/* ---- Memory: with the TB's byte order, alignment rule and MMU mode ---- */
MemOp arm_memop(const DisasContext *s, MemOp op);
void arm_ld(DisasContext *s, IRType t, IRVal dst, IRVal addr, MemOp op);
void arm_st(DisasContext *s, IRType t, IRVal src, IRVal addr, MemOp op);
void arm_ld_mode(DisasContext *s, IRType t, IRVal dst, IRVal addr, MemOp op, unsigned mmu_mode);
void arm_st_mode(DisasContext *s, IRType t, IRVal src, IRVal addr, MemOp op, unsigned mmu_mode);

/* ---- Exceptions: at this instruction; the gen_* ones end the TB ---- */
void arm_gen_exception(DisasContext *s, int excp, uint32_t syndrome, unsigned target_el);
void arm_gen_undef(DisasContext *s);
/* Before FP and SIMD instructions, once all UNDEFINED cases are out of the way: false when a trap was generated instead. AArch32:
 * checks CPACR, NSACR, HCPTR (s->fp_el); the caller checks FPEXC.EN where the instruction needs it. */
bool arm_fp_check(DisasContext *s);

/* ---- PSTATE bits that no TB flag describes, above EL0 (translate-sys.c) ---- */
void arm_change_pstate(DisasContext *s, uint32_t clear, uint32_t set);
void arm_check_interrupts(DisasContext *s); /* they may have been unmasked: leaves if one is waiting */

/* ---- Regions: false when the TB cannot go on there ---- */
bool arm_follow(DisasContext *s, uint64_t pc);                     /* direct branch */
/* Conditional branch to pc. Call arm_sync_cc_op() before, once for both ways. */
bool arm_follow_branch(DisasContext *s, ARMTest t, uint64_t pc);

/* ---- Ends of a TB ---- */
void arm_store_pc(DisasContext *s, uint64_t pc);
void arm_goto(DisasContext *s, uint64_t pc);          /* direct branch */
void arm_goto_value(DisasContext *s, IRVal pc);       /* indirect branch, same state */
/* Indirect branch with interworking: bit 0 of pc selects Thumb. v5T and later. */
void a32_goto_interwork(DisasContext *s, IRVal pc);
void a32_goto_other(DisasContext *s, uint64_t pc);    /* BLX immediate: the other instruction set */
void arm_end_lookup(DisasContext *s);                 /* state may have changed; continues at the next instruction */
/* State has changed and env->pc has been written by a helper (ERET, exceptions). */
void arm_end_lookup_here(DisasContext *s);
/* The same where the helper has left jc_key right: the jump cache is asked. */
void arm_goto_by_key(DisasContext *s);
/* ISB: continues at the next instruction, whose page may be another now. */
void arm_end_sync(DisasContext *s);
void arm_end_exit(DisasContext *s);                   /* as arm_end_lookup, through the main loop */

#define ARM_CALL(s, name, ret, ...)                                                                \
    do {                                                                                           \
        const IRVal args_[] = { __VA_ARGS__ };                                                     \
        ir_call((s)->ir, &helper_info_##name, ret, args_, sizeof(args_) / sizeof(args_[0]));        \
    } while (0)
#define ARM_CALL0(s, name, ret) ir_call((s)->ir, &helper_info_##name, ret, NULL, 0)

/* ---- Instruction sets: true when the encoding was allocated (else the caller makes it UNDEFINED) ---- */
bool a64_insn(DisasContext *s, uint32_t insn);
/* AArch64 "Data processing: SIMD and FP" (bits 27:25 = 111) and SIMD loads and stores (bits 27,25 = 10, bit 26 = 1). */
bool a64_simd_insn(DisasContext *s, uint32_t insn);
/* Fetch and translate one instruction, with conditions and IT blocks; UNDEFINED ones too. They set s->insn and s->insn_bytes. */
void a32_translate_insn(DisasContext *s);
void thumb_translate_insn(DisasContext *s);
/* AArch32 VFP (cp10 and cp11 space, loads and stores included), Neon data processing, and Neon structure loads and stores. T32
 * encodings are passed in their A32 form: bits 31:28 = 1110 (or 1111) for VFP; Neon data F2/F3; Neon load/store F4. */
bool a32_vfp_insn(DisasContext *s, uint32_t insn);
bool a32_vfp_uncond_insn(DisasContext *s, uint32_t insn); /* bits 31:28 = 1111: VSEL, VMAXNM, VRINT, VCVT*, VMOVX, v8.x extensions */
bool a32_neon_insn(DisasContext *s, uint32_t insn);       /* F2, F3 data processing and F4 loads and stores */
/* MCR/MRC (one register) and MCRR/MRRC of coprocessors 14 and 15: checks, traps, access. Returns false when unallocated. */
typedef struct A32CoprocInsn {
    uint8_t cp, opc1, crn, crm, opc2, rt, rt2;
    bool is64, read;
} A32CoprocInsn;
bool a32_coproc_insn(DisasContext *s, const A32CoprocInsn *c);

#endif
