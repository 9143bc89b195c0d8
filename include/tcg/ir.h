/* SPDX-License-Identifier: MIT */
/*
 * The intermediate representation of one translation block (TB), and the builder that front ends use.
 *
 * A TB is a list of IROp in program order with labels, so it may hold loops. Operands are IRVal
 * numbers: *globals* (guest registers that live in CPUState, the same for all TBs of a target),
 * *temps* (local to the TB, may be assigned many times and live across labels) and *constants*
 * (interned per type and value). There is one IRFunc per vCPU thread; it is reused for every TB.
 *
 * Rules the front end keeps:
 *  - I32 operations work modulo 2^32; an I32 value used as an address is zero-extended.
 *  - Globals are written only after every operation of the instruction that may fault, so that a
 *    fault restores the state before the instruction from memory + insn data.
 *  - ir_insn_start() opens each guest instruction.
 *  - CPUState fields that are globals are read and written as globals only, never by ir_ld/ir_st.
 *  - Every path ends in one of the four ways to leave a TB, or in a helper that never returns.
 */
#ifndef RHEA_TCG_IR_H
#define RHEA_TCG_IR_H

#include "typedefs.h"
#include <stdio.h>

typedef enum IRType { IR_I32, IR_I64, IR_V128, IR_V256, IR_VOID } IRType;

typedef uint16_t IRVal;
#define IR_NONE ((IRVal)0xffff)

typedef enum IROpcode {
#define OP(name, text, out, in, imm, flags) IR_##name,
#include "../../tcg/opc.def"
#undef OP
    IR_OPCODES,
} IROpcode;

/* Property bits of a row of opc.def. */
enum {
    IRF_INT = 1, IRF_VEC = 2, IRF_COMMUTES = 4, IRF_SIDE = 8, IRF_FAULTS = 16, IRF_MEM = 32,
    IRF_ENV = 64, IRF_BB_END = 128, IRF_TB_END = 256,
};
typedef struct IROpInfo {
    const char *name;
    uint8_t outs, ins, imms;
    uint16_t flags;
} IROpInfo;
extern const IROpInfo ir_op_info[IR_OPCODES];

/* Conditions: value ^ 1 is the negation. TST* compare (a & b) with zero. */
typedef enum IRCond {
    IR_NEVER, IR_ALWAYS, IR_EQ, IR_NE, IR_LT, IR_GE, IR_LE, IR_GT, IR_LTU, IR_GEU, IR_LEU, IR_GTU,
    IR_TSTEQ, IR_TSTNE, IR_CONDS,
} IRCond;
static inline IRCond ir_cond_negate(IRCond c) { return (IRCond)(c ^ 1); }
IRCond ir_cond_swap(IRCond c); /* a c b == b swap(c) a */

/* How a guest memory access is made. */
typedef enum MemOp {
    MO_8, MO_16, MO_32, MO_64, MO_128, MO_256,
    MO_SIZE = 7,
    MO_SIGN = 8,
    MO_BE = 16,      /* big-endian; default little */
    MO_RMW = 64,     /* a load whose place will be stored to: a page fault is the store's */
    MO_ALIGN = 32,   /* naturally aligned or TargetOps.unaligned_access raises the guest's fault */
} MemOp;
/* memop | mmu mode << 8 */
typedef uint32_t MemOpIdx;
#define MEMOPIDX(memop, mode) ((MemOpIdx)(memop) | (MemOpIdx)(mode) << 8)
static inline MemOp memopidx_op(MemOpIdx i) { return (MemOp)(i & 0xff); }
static inline unsigned memopidx_mode(MemOpIdx i) { return i >> 8; }
/*
 * Merged checks. GUEST_CHECK looks a range of guest bytes up once: [in0 + disp, in0 + disp + aux), for loads, or
 * for stores too. Its result is the host address that corresponds to in0 when the whole range is plain
 * memory of one page, else 0. GUEST_LDC and GUEST_STC access guest address in0 (in1) + disp; when the check's result
 * is not 0 they may find it at result + (int16_t)aux. A result is good until the next call of C code: back ends
 * zero the live ones on slow paths, and the pass does not carry them over helpers that might change mappings.
 * imm: MemOpIdx in the low 16 bits (of a check: size and MO_ALIGN say how its first byte must be aligned), CHK_*,
 * disp in the high half.
 *
 * Guards. A GUEST_CHECK followed by "branch if it is 0" is a guard: the branch leaves for a TB without guards that starts with the
 * instruction the guard stands in (GOTO_CAREFUL), so that what comes behind may take the range for plain memory: HOST_LD and
 * HOST_ST at result + (int16_t)aux. They cannot fault, hence what their instructions would show of the state in a fault need not be
 * kept. The engine sees to it that no C code that might change what a mapping allows runs between a guard and its last access:
 * slow paths there that are more than a look-up leave, too (OI_GUARDED).
 */
enum {
    CHK_WRITE = 1 << 16,
    CHK_NARROW = 1 << 17,      /* addresses wrap at 32 bits */
    CHK_STORE_FIRST = 1 << 18, /* a guard's first access is a store */
};
/* Beside a MemOpIdx, for slow paths in C only: a guard's result is live. */
#define OI_GUARDED (1u << 31)
static inline MemOpIdx check_oi(uint64_t imm) { return imm & 0xffff; }
static inline int32_t check_disp(uint64_t imm) { return (int32_t)(imm >> 32); }
static inline uint64_t check_imm(MemOpIdx oi, unsigned flags, int32_t disp)
{
    return (uint64_t)(uint32_t)disp << 32 | flags | oi;
}
static inline unsigned memop_bytes(MemOp op) { return 1u << (op & MO_SIZE); }

enum { IR_FENCE_LD_LD = 1, IR_FENCE_ST_LD = 2, IR_FENCE_LD_ST = 4, IR_FENCE_ST_ST = 8, IR_FENCE_ALL = 15,
       IR_FENCE_SPECULATION = 16 /* the host begins nothing behind before what is in front has its values; no order for others */ };

/* ---- Helpers: C functions callable from a TB ---- */

enum {
    HF_NO_GLOBALS = 1,   /* neither reads nor writes any guest register global */
    HF_NO_WRITE = 2,     /* may read globals (they are in CPUState) but writes none */
    HF_NO_FAULT = 4,     /* never raises a guest exception, never leaves by long jump */
    HF_PURE = 8,         /* result depends on arguments only: removable when unused; implies the
                            three above */
    HF_NO_RETURN = 16,   /* always raises */
    HF_IO = 32,          /* reaches devices or reads the clock: under -icount its instruction ends the TB */
};
/*
 * A helper gets CPUState * first when args[0] is HARG_ENV (the builder passes it; front ends don't).
 * Vector arguments and results go by pointer to CPUState fields: pass offsets through ir_env_addr.
 * Helpers without HF_NO_FAULT find the guest state with HELPER_RETADDR() (target.h).
 */
typedef enum HelperArg { HARG_NONE, HARG_ENV, HARG_I32, HARG_I64, HARG_PTR } HelperArg;
#define HELPER_MAX_ARGS 6
typedef struct HelperInfo {
    const char *name;
    void *func;
    uint8_t flags;
    uint8_t ret; /* HelperArg, HARG_NONE = void */
    uint8_t args[HELPER_MAX_ARGS]; /* up to the first HARG_NONE */
} HelperInfo;

/* ---- One TB ---- */

typedef struct IROp {
    uint8_t opc;     /* IROpcode */
    uint8_t type;    /* IRType of its values */
    uint16_t aux;    /* condition, length, type: see opc.def */
    IRVal out[2];
    IRVal in[HELPER_MAX_ARGS];
    uint64_t imm;
    uint32_t life;   /* set by tcg_liveness: IR_DIES, IR_UNREAD, IR_SYNC */
} IROp;

/*
 * Bits of IROp.life.
 * IR_DIES(n): the value in[n] has before this op is not needed after it: its last reader, or the op
 *   itself overwrites it. Every input that names the value has its bit. A dying global need not be
 *   stored. Constants have no bits.
 * IR_UNREAD(n): nothing reads this assignment of out[n] (op stays for its other effects). For a
 *   global: it is assigned again before anything, CPUState included, could see it.
 * IR_SYNC(n): out[n] is a global and what is assigned here is seen through CPUState before the next
 *   assignment: at a label, branch or end of the TB, by a faulting operation, or by a helper that reads
 *   globals.
 */
#define IR_DIES(n) (1u << (n))
#define IR_UNREAD(n) (1u << (8 + (n)))
#define IR_SYNC(n) (1u << (16 + (n)))

typedef enum IRKind { IRK_GLOBAL, IRK_TEMP, IRK_CONST } IRKind;
typedef struct IRValInfo {
    uint8_t kind, type;
    uint8_t priority;   /* globals: higher is pinned first; 0 = never pinned */
    uint8_t crosses_bb; /* temps: live across a label (set by tcg_liveness) */
    uint32_t offset;    /* globals: byte offset in CPUState */
    uint64_t value;     /* constants; V128 constants hold the low half and zero above */
    const char *name;   /* globals */
} IRValInfo;

/* What a fault in the instruction needs to rebuild its state, per INSN_START. */
typedef struct InsnData {
    uint64_t pc;     /* linear */
    uint32_t extra;  /* target's own, e.g. x86 cc_op */
} InsnData;

#define IR_MAX_OPS 8192
#define IR_MAX_VALS 4096
#define IR_MAX_LABELS 256
#define IR_MAX_INSNS 512
#define IR_MAX_GLOBALS 128

struct IRFunc {
    unsigned nops, nvals, nglobals, nlabels, ninsns, ncalls;
    bool overflow;           /* a table filled up: the translator retries with fewer instructions */
    TranslationBlock *tb;    /* being translated; NULL in pass tests */
    IROp ops[IR_MAX_OPS];
    IRValInfo vals[IR_MAX_VALS]; /* globals first */
    InsnData insns[IR_MAX_INSNS];
    const HelperInfo *calls[IR_MAX_OPS / 4];
    void *const_hash;        /* private to ir.c */
    unsigned globals_version;/* of the globals in vals; so is this */
    bool narrow_globals;     /* all integer globals hold zero-extended 32-bit values. Front end, in tb_start */
    bool guards;             /* tcg_merge_checks may make guards. The engine */
    bool early_paths;        /* ways lead to a loop's head, from behind it, that began before it. The engine */
    void *fold, *merge, *live, *sink; /* work space of the passes, kept from TB to TB */
};

/* Process-wide table of the running target's globals; filled once by TargetOps.init. */
IRVal ir_global(IRType type, uint32_t offset, const char *name, unsigned priority);
unsigned ir_global_count(void);
const IRValInfo *ir_global_info(IRVal g);
void ir_globals_reset(void); /* tests */

IRFunc *ir_func_new(void);
void ir_func_free(IRFunc *f);
void ir_func_begin(IRFunc *f, TranslationBlock *tb); /* forgets everything but the globals */

/*
 * The width at which op reads in[n] and writes out[n]. IR_VOID: the operand's own type, an I32 value
 * being zero-extended (addresses). IR_NONE operands (VOP, CALL) are skipped by the caller.
 */
IRType ir_in_type(const IRFunc *f, const IROp *op, unsigned n);
IRType ir_out_type(const IRFunc *f, const IROp *op, unsigned n);

/* ---- Building. All append to f. dst is assigned; it may be a global or a temp. ---- */

IRVal ir_temp(IRFunc *f, IRType type);
IRVal ir_const(IRFunc *f, IRType type, uint64_t value); /* I32 values are kept truncated */
static inline IRVal ir_i32(IRFunc *f, uint32_t v) { return ir_const(f, IR_I32, v); }
static inline IRVal ir_i64(IRFunc *f, uint64_t v) { return ir_const(f, IR_I64, v); }
static inline IRType ir_type(const IRFunc *f, IRVal v) { return (IRType)f->vals[v].type; }
bool ir_is_const(const IRFunc *f, IRVal v);
IROp *ir_emit(IRFunc *f, IROpcode opc, IRType type); /* raw: appended with no operands */

void ir_insn_start(IRFunc *f, uint64_t pc, uint32_t extra);
unsigned ir_new_label(IRFunc *f);
void ir_label(IRFunc *f, unsigned label);
void ir_br(IRFunc *f, unsigned label);
void ir_brcond(IRFunc *f, IRCond c, IRType t, IRVal a, IRVal b, unsigned label);
void ir_fence(IRFunc *f, unsigned kinds);
void ir_pause(IRFunc *f); /* a loop waits here: the processor rests for some cycles */
void ir_discard(IRFunc *f, IRVal global);

/*
 * Integer operations name their type. An I64 value in an I32 operation means its low half, and the
 * result of an I32 operation written to an I64 value is zero-extended (so guest registers are I64
 * globals for every target and 32-bit instructions cost nothing extra). An I32 value in an I64
 * operation is an error; use EXT_I32_I64U / EXT_I32_I64S.
 */
/* Conversions have a fixed IROp.type whatever t says: I64 for EXT_I32_I64*, I32 for TRUNC*. */
void ir_op1(IRFunc *f, IROpcode opc, IRType t, IRVal dst, IRVal a);           /* mov neg not ext* bswap* popcnt trunc exts extu vmov */
void ir_op2(IRFunc *f, IROpcode opc, IRType t, IRVal dst, IRVal a, IRVal b);  /* add ... rotr, clz, ctz, divu ... */
void ir_op2i(IRFunc *f, IROpcode opc, IRType t, IRVal dst, IRVal a, uint64_t imm); /* b is a constant */
void ir_mov(IRFunc *f, IRVal dst, IRVal src); /* whole value; same types, or I64 <- I32 zero-extending */
void ir_movi(IRFunc *f, IRVal dst, uint64_t value);
void ir_mul2(IRFunc *f, IROpcode opc, IRType t, IRVal lo, IRVal hi, IRVal a, IRVal b); /* MULU2 MULS2 */
void ir_addsub2(IRFunc *f, IROpcode opc, IRType t, IRVal lo, IRVal hi, IRVal al, IRVal ah, IRVal bl, IRVal bh);
void ir_deposit(IRFunc *f, IRType t, IRVal dst, IRVal base, IRVal field, unsigned pos, unsigned len);
void ir_extract(IRFunc *f, IROpcode opc, IRType t, IRVal dst, IRVal a, unsigned pos, unsigned len); /* EXTRACT SEXTRACT */
void ir_extract2(IRFunc *f, IRType t, IRVal dst, IRVal lo, IRVal hi, unsigned pos);
/* t is the width compared; dst gets 0 or 1 (-1) in its own whole width. aux bit 8 = dst is I64. */
void ir_setcond(IRFunc *f, IRCond c, IRType t, IRVal dst, IRVal a, IRVal b);
void ir_negsetcond(IRFunc *f, IRCond c, IRType t, IRVal dst, IRVal a, IRVal b);
/* t is the width moved, cmp_t the width compared (aux bit 8 = compare as I64). */
void ir_movcond(IRFunc *f, IRCond c, IRType t, IRVal dst, IRType cmp_t, IRVal a, IRVal b, IRVal vtrue, IRVal vfalse);

void ir_ld(IRFunc *f, IROpcode opc, IRType t, IRVal dst, uint32_t offset);     /* LD8U ... LD */
void ir_st(IRFunc *f, IROpcode opc, IRType t, IRVal src, uint32_t offset);     /* ST8 ... ST */
void ir_env_addr(IRFunc *f, IRVal dst, uint32_t offset);

/* t is the register type the value is extended to; see GUEST_LD in opc.def. */
void ir_guest_ld(IRFunc *f, IRType t, IRVal dst, IRVal addr, MemOp op, unsigned mmu_mode);
void ir_guest_st(IRFunc *f, IRType t, IRVal src, IRVal addr, MemOp op, unsigned mmu_mode);
void ir_atomic(IRFunc *f, IROpcode opc, IRType t, IRVal old, IRVal addr, IRVal val, MemOp op, unsigned mmu_mode);
void ir_cmpxchg(IRFunc *f, IRType t, IRVal old, IRVal addr, IRVal expected, IRVal val, MemOp op, unsigned mmu_mode);

/* args excludes the env argument; ret is IR_NONE for void. Up to 5 args + env. In the op, in[] are the
 * arguments without env, IR_NONE after the last. */
void ir_call(IRFunc *f, const HelperInfo *h, IRVal ret, const IRVal *args, unsigned nargs);

/* Vectors: rows of tcg/vec.def; unused inputs IR_NONE. See vec.h. */
void ir_vop(IRFunc *f, unsigned row, IRVal dst, IRVal a, IRVal b, IRVal c, uint8_t imm8);
/* A VecCall of vec.h; unused inputs IR_NONE. All values are V128. */
struct VecCall;
void ir_vcall(IRFunc *f, const struct VecCall *call, IRVal dst, IRVal a, IRVal b, IRVal c, uint16_t imm);
void ir_v_from_int(IRFunc *f, IRVal dst, IRVal src);
void ir_v_to_int(IRFunc *f, IRVal dst, IRVal src);
void ir_v_join(IRFunc *f, IRVal dst, IRVal low, IRVal high);
void ir_v_half(IRFunc *f, IRVal dst, IRVal src, unsigned half);

/* x87 instructions on the host's x87; see opc.def. mmu_mode and memory operands as for guest accesses. */
enum { X87_FSW, X87_FCW, X87_FLAGS };  /* IR_X87_OUT: FNSTSW AX, FNSTCW, and FCOMI's CF PF ZF in x86 layout */
enum { X87_CMOV, X87_FLDCW };          /* IR_X87_IN: FCMOVB with CF = in0 & 1, FLDCW */
void ir_x87_guard(IRFunc *f, bool live);
void ir_x87(IRFunc *f, unsigned insn);
void ir_x87_out(IRFunc *f, unsigned insn, unsigned what, IRVal dst);
void ir_x87_in(IRFunc *f, unsigned insn, unsigned what, IRVal src);
void ir_x87_mem(IRFunc *f, IROpcode opc, unsigned insn, unsigned bytes, IRVal addr, MemOp op, unsigned mmu_mode);

/*
 * Leaving a TB. In all four, everything that is not a pinned global is in CPUState afterwards.
 *  goto_tb:   continue at a fixed pc with the same TB state flags and cs base. dest is the linear pc,
 *             pc_value what belongs in the target's pc field (written only if the main loop is
 *             reached). slot 0 or 1, each used at most once per TB. The engine chains directly inside
 *             a guest page, and through the jump cache across pages; backward jumps poll for exits.
 *  goto_ptr:  continue at linear pc (I64) with the TB state in cpu->jc_key; the target's pc field has
 *             been written. Inline jump-cache probe; polls for exits.
 *  goto_pc:   the same where the pc field has not been written and is to hold the linear pc (no cs base).
 *  goto_lookup: pc field written, TB state may have changed (mode switch, far transfer): the engine
 *             asks TargetOps.tb_state and looks up in C, without leaving to the main loop if nothing
 *             is pending.
 *  exit_tb:   back to the main loop (IR_EXIT_*); pc field written.
 */
enum { IR_EXIT_NORMAL = 0, /* look for interrupts, look the TB up */ };
void ir_goto_tb(IRFunc *f, unsigned slot, uint64_t dest, uint64_t pc_value); /* imm = dest, aux = slot, in[0] = constant pc_value */
void ir_goto_ptr(IRFunc *f, IRVal linear_pc);
void ir_goto_pc(IRFunc *f, IRVal pc);
void ir_goto_lookup(IRFunc *f);
void ir_goto_careful(IRFunc *f, uint64_t dest, uint64_t pc_value); /* as goto_tb, to a TB without guards; never chained */
void ir_exit_tb(IRFunc *f, unsigned reason);

/* ---- Passes, in the order of tcg_compile() ---- */
void tcg_outline(IRFunc *f);   /* blocks that end in a helper without return go behind the end */
void tcg_fold(IRFunc *f);      /* constants, copies, identities, dead code after unconditional ends */
void tcg_merge_checks(IRFunc *f); /* one TLB check for neighbouring accesses */
void tcg_spin_wait(IRFunc *f); /* loops that wait for another processor look once at a time */
void tcg_liveness(IRFunc *f);  /* removes dead ops, fills IROp.life and crosses_bb */
bool tcg_sink(IRFunc *f);      /* after that: what only ways out of the usual path read moves there; true: tcg_liveness must run again */

/* After tcg_liveness: values that something from the label on may read, or see in CPUState, as a set (bits); whether v is one. */
const uint64_t *ir_live_row(const IRFunc *f, unsigned label);
bool ir_live_at(const IRFunc *f, unsigned label, IRVal v);

/* ---- Text form: print, and parse what was printed (tests/tcg-ir) ---- */
void ir_print(const IRFunc *f, FILE *out);
bool ir_parse(IRFunc *f, const char *text, Error **errp);

/* Structural checks (types, operand counts, labels defined once): in debug builds after each pass. */
bool ir_verify(const IRFunc *f, Error **errp);

#endif
