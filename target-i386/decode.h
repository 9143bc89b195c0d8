/* SPDX-License-Identifier: MIT */
/*
 * The decode tables' notation and what integer emitters share: operands, stores, lazy flags, jumps.
 * Operand letters follow the opcode map in appendix A of Intel SDM volume 2.
 */
#ifndef TARGET_I386_DECODE_H
#define TARGET_I386_DECODE_H

#include "helper.h"
#include "translate.h"

/* Operand = addressing method << 4 | size. */
enum {
    SIZE_B, SIZE_W, SIZE_D, SIZE_Q, SIZE_V /* operand size */, SIZE_Z /* 16 or 32 */, SIZE_Y /* 32 or 64 */,
    METHOD_E = 0x10, /* ModRM r/m: register or memory */
    METHOD_G = 0x20, /* ModRM reg */
    METHOD_M = 0x30, /* memory only; not loaded */
    METHOD_I = 0x40, /* immediate, sign-extended to the operand size */
    METHOD_J = 0x50, /* branch displacement */
    METHOD_O = 0x60, /* offset in the instruction */
    METHOD_Z = 0x70, /* register in the opcode's low three bits */
    METHOD_B = 0x80, /* VEX.vvvv */
    METHOD_A = 0x90, /* AL, AX, EAX, RAX */
    METHOD_C = 0xa0, /* CL */
    METHOD_1 = 0xb0, /* the constant 1 */
};
#define METHOD_SIZES(m)                                                                                  \
    m##b = METHOD_##m | SIZE_B, m##w = METHOD_##m | SIZE_W, m##d = METHOD_##m | SIZE_D,                  \
    m##q = METHOD_##m | SIZE_Q, m##v = METHOD_##m | SIZE_V, m##z = METHOD_##m | SIZE_Z,                  \
    m##y = METHOD_##m | SIZE_Y
enum {
    METHOD_SIZES(E), METHOD_SIZES(G), METHOD_SIZES(M), METHOD_SIZES(I), METHOD_SIZES(J), METHOD_SIZES(O),
    METHOD_SIZES(Z), METHOD_SIZES(B),
    rAL = METHOD_A | SIZE_B, rAX = METHOD_A | SIZE_V, rCL = METHOD_C, ONE = METHOD_1,
};

typedef void X86Emit(DisasContext *s);
typedef struct X86Row {
    X86Emit *emit;
    uint8_t op[4];     /* first operand = destination */
    uint16_t flags;    /* ROW_* */
    uint8_t feature;   /* FEAT_* */
} X86Row;
enum {
    ROW_W = 1,         /* the destination is written, not read */
    ROW_RW = 2,        /* read and written */
    ROW_LOCK = 4,      /* LOCK allowed when the destination is memory */
    ROW_NO64 = 8,      /* invalid in 64-bit mode */
    ROW_ONLY64 = 16,
    ROW_D64 = 32,      /* operand size 64 by default in 64-bit mode */
    ROW_F64 = 64,      /* operand size 64 always in 64-bit mode */
    ROW_MODRM = 128,   /* has ModRM though no operand says so */
    ROW_NOLOAD = 256,  /* memory sources are left to the emitter */
    ROW_GROUP = 512,   /* ModRM.reg selects among the rows of a group */
    ROW_CLASS = 1024,  /* another emitter file decodes it */
    ROW_IMM8 = 2048,   /* class rows: an immediate byte follows the operand */
};
enum { FEAT_NONE, FEAT_CMOV, FEAT_MOVBE, FEAT_SSE42, FEAT_POPCNT, FEAT_BMI1, FEAT_BMI2, FEAT_ADX, FEAT_CX16,
       FEAT_CX8, FEAT_RDRAND, FEAT_RDSEED };

static inline IRType x86_type(MemOp size) { return size == MO_64 ? IR_I64 : IR_I32; }
static inline bool x86_locked(const DisasContext *s) { return s->prefix & PREFIX_LOCK; }
static inline uint64_t size_mask(MemOp size) { return size == MO_64 ? ~0ull : (1ull << (8 << size)) - 1; }
static inline IRVal x86_const(DisasContext *s, MemOp size, uint64_t v) { return ir_const(s->ir, x86_type(size), v); }

/* ---- decode.c: operands ---- */
/* Emits the offset of the ModRM memory operand into s->ea. */
void x86_lea(DisasContext *s);
/* Loads operand i (rows with ROW_NOLOAD) extended to t. */
IRVal x86_load_operand(DisasContext *s, unsigned i, IRType t, bool sign);
/* Operand i's value, safe to use after operand 0 has been written. */
IRVal x86_source(DisasContext *s, unsigned i);
/* Where to compute a result for operand 0: its register when the whole of it is written, else a temp. */
IRVal x86_dest(DisasContext *s);
/* Stores v to operand i: last thing that may fault. */
void x86_put(DisasContext *s, unsigned i, IRVal v);
void x86_put_reg(DisasContext *s, MemOp size, unsigned reg, bool high, IRVal v);
/* Value of a register: bits above size mean nothing. */
IRVal x86_get_reg(DisasContext *s, MemOp size, unsigned reg, bool high);
/* v with the bits above size made zero or sign copies (in an I32 or I64 operation). */
IRVal x86_extend(DisasContext *s, IRVal v, MemOp size, IRType t, bool sign);
/* Operand 0's old value: loaded before, or exchanged under LOCK by atomic opc with operand b. */
IRVal x86_old_value(DisasContext *s, IROpcode opc, IRVal b);
bool x86_has_feature(const DisasContext *s, unsigned feature);
/* A guess at the next instruction, for choosing between equivalent translations. */
bool x86_next_is_jcc(const DisasContext *s);

/* ---- translate-cc.c: lazy flags ---- */
typedef struct CCTest { IRCond c; IRType t; IRVal a, b; } CCTest;
/* Condition n of Jcc/SETcc/CMOVcc. */
CCTest x86_test_cond(DisasContext *s, unsigned n);
/* CF as 0 or 1, in an I64 value; changes no state. */
IRVal x86_cc_carry(DisasContext *s);
/* Flags of an operation: op = its byte variant; src IR_NONE when the op has none. */
void x86_cc_set(DisasContext *s, CCOp op, MemOp size, IRVal dst, IRVal src);
/* After x86_cc_set: remember both operands (CMP: a - b, TEST: a & b). */
void x86_cc_operands(DisasContext *s, IRVal a, IRVal b);
void x86_cc_eflags(DisasContext *s, IRVal bits); /* all six from bits */
/* 0/1 of a condition, shifted to an EFLAGS bit; I64. */
IRVal x86_flag_if(DisasContext *s, IRCond c, IRType t, IRVal a, IRVal b, unsigned bit);

/* ---- translate.c ---- */
/* Stack pointer plus delta, as the stack's address size wraps it (a temp). */
IRVal x86_sp_plus(DisasContext *s, int64_t delta);
void x86_set_sp(DisasContext *s, IRVal sp);
IRVal x86_stack_ld(DisasContext *s, IRVal sp, MemOp size);
void x86_stack_st(DisasContext *s, IRVal sp, IRVal v, MemOp size);
void x86_gen_push(DisasContext *s, IRVal v, MemOp size);
IRVal x86_gen_pop(DisasContext *s, MemOp size); /* leaves SP to x86_set_sp */
/* Leave the TB at a fixed or computed offset of CS (already checked). Two fixed ones are chained directly. */
uint64_t x86_linear_pc(const DisasContext *s, uint64_t eip);
/* Regions (target.h): goes on at eip, or, behind a conditional branch to eip, the likelier way; false when the TB is to end. */
bool x86_follow(DisasContext *s, uint64_t eip);
bool x86_follow_branch(DisasContext *s, CCTest c, uint64_t eip);
void x86_goto(DisasContext *s, uint64_t eip);
void x86_goto_value(DisasContext *s, IRVal eip);
/* #GP when eip is beyond CS's limit or not canonical. */
void x86_check_target(DisasContext *s, IRVal eip);
void x86_check_target_imm(DisasContext *s, uint64_t eip);
/* Calls a helper: up to four arguments after env. */
void x86_call(DisasContext *s, const HelperInfo *h, IRVal ret, IRVal a, IRVal b, IRVal c, IRVal d);
uint64_t x86_ip_mask(const DisasContext *s); /* of the operand size */

/* ---- Emitters, by file ---- */
/* emit-int.c */
X86Emit insn_add, insn_or, insn_adc, insn_sbb, insn_and, insn_sub, insn_xor, insn_cmp, insn_test, insn_inc, insn_dec,
    insn_neg, insn_not, insn_mov, insn_movnti, insn_lea, insn_xchg, insn_xadd, insn_cmpxchg, insn_cmpxchg8b, insn_movzx, insn_movsx,
    insn_movsxd, insn_cbw, insn_cwd, insn_mul, insn_imul, insn_imul3, insn_div, insn_idiv, insn_aaa, insn_aas,
    insn_aam, insn_aad, insn_daa, insn_das, insn_xlat, insn_bswap, insn_setcc, insn_cmov, insn_lahf, insn_sahf,
    insn_salc, insn_clc, insn_stc, insn_cmc, insn_cld, insn_std, insn_nop, insn_prefetchw, insn_bound, insn_mov_sreg_store;
/* emit-flow.c */
X86Emit insn_jmp, insn_jmp_ind, insn_call, insn_call_ind, insn_ret, insn_jcc, insn_loop, insn_jcxz, insn_push,
    insn_push_sreg, insn_pop, insn_pop_ev, insn_pusha, insn_popa, insn_enter, insn_leave, insn_pushf, insn_popf,
    insn_into, insn_int3, insn_int, insn_int1;
/* emit-string.c */
X86Emit insn_movs, insn_cmps, insn_stos, insn_lods, insn_scas, insn_ins, insn_outs, insn_in, insn_out;
/* emit-bits.c */
X86Emit insn_shl, insn_shr, insn_sar, insn_rol, insn_ror, insn_rcl, insn_rcr, insn_shld, insn_shrd, insn_bt,
    insn_bts, insn_btr, insn_btc, insn_bsf, insn_bsr, insn_popcnt, insn_andn, insn_blsr, insn_blsi, insn_blsmsk,
    insn_bextr, insn_bzhi, insn_mulx, insn_rorx, insn_shlx, insn_shrx, insn_sarx, insn_pdep, insn_pext, insn_adcx,
    insn_adox, insn_movbe, insn_crc32, insn_rdrand, insn_rdseed;

#endif
