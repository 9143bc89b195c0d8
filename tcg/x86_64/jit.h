/* SPDX-License-Identifier: MIT */
/*
 * Inside of the x86-64 back end.
 *
 * Host registers in generated code:
 *   rsp  frame of fixed layout (FRAME_*): arguments of slow paths, save area, spill slots
 *   rbp  CPUState + CPU_ENV_BIAS
 *   gs   the current TLB bank, where user code can write its base (FSGSBASE); else the bank is read from CPUState
 *   pinned: guest globals of the highest priority, always (also between TBs)
 *   the other general registers and all vector registers hold temps and cached globals
 *
 * Where values live: each IRVal has a home in memory (CPUState, or a spill slot) and may be in one
 * register, which it may share with equal values. It is dirty when its home is out of date. A value may
 * also be known to equal a constant. See labels.c for labels. Slow paths of
 * memory accesses preserve every register, so the inline path pays nothing for them.
 */
#ifndef RHEA_TCG_X86_64_JIT_H
#define RHEA_TCG_X86_64_JIT_H

#include "cpu.h"
#include "exec/tlb.h"
#include "tcg/backend.h"
#include "tcg/ir.h"
#include "tcg/x86_64/asm.h"

/* Frame, from rsp. */
enum {
    FRAME_ADDR = 0,        /* arguments of a slow path */
    FRAME_VALUE = 8,
    FRAME_EXPECTED = 16,
    FRAME_OI = 24,
    FRAME_OPC = 28,
    FRAME_VEC = 32,        /* three vectors of 32 bytes: slow path data, reference functions */
    FRAME_GPR = 128,       /* save area of slow paths, by register number */
    FRAME_XMM = 256,       /* 16 * 32 */
    FRAME_CONST = 768,     /* constants of result checks, see CHECK_* in emit-vcall.c; written on entry */
    FRAME_SPILL = 832,
    FRAME_SPILL_UNITS = 2048,
    FRAME_SIZE = FRAME_SPILL + FRAME_SPILL_UNITS * 8,
};

#define SHARE_MAX 4        /* values in one register */
#define SLOW_MAX 4096      /* slow paths in one TB */
#define SYNC_MAX 32768     /* stores in all slow paths of one TB */
#define UNWIND_BYTES 65536
#define OP_ROOM 1024       /* more than any operation emits inline */

typedef struct ValLoc {
    int8_t reg;      /* or NOREG */
    bool dirty;      /* home is out of date */
    IRVal constant;  /* equal to this constant value, or IR_NONE */
    uint16_t slot;   /* temps: spill slot + 1, 0 while there is none */
} ValLoc;

typedef struct HostReg {
    uint8_t n;
    IRVal vals[SHARE_MAX];
} HostReg;

/* What is where at a label. HOME: pinned globals in their registers, all else in its home. */
typedef enum LabelKind {
    LABEL_HOME,
    LABEL_ONE, /* what its only branch, further up, left behind */
    LABEL_JOIN, /* the same, and what precedes the label brings everything to where it is there */
    LABEL_HEAD /* of a loop: branches to it, all further down, bring everything to where it is here */
} LabelKind;
typedef struct LabelState {
    uint8_t kind;
    HostReg reg[HOST_REGS];
    uint32_t dirty[SHARE_MAX];  /* bit per register: of vals[n] */
    uint64_t dirty_globals[IR_MAX_GLOBALS / 64], known_globals[IR_MAX_GLOBALS / 64];
    IRVal constant[IR_MAX_GLOBALS]; /* of known globals */
} LabelState;

typedef enum SlowKind {
    SLOW_LD, SLOW_ST, SLOW_LDV, SLOW_STV, SLOW_ATOMIC,
    SLOW_X87 /* X87Hooks.slow */, SLOW_X87_LIVE /* X87Hooks.set_live */,
    SLOW_GUARD /* tlb_prepare */, SLOW_KINDS,
    SLOW_CHECK = SLOW_KINDS /* no C: GUEST_CHECK failed */, SLOW_NONE,
} SlowKind;

/* A value as it was at some place in the code: in a register, a constant, or in memory. */
typedef struct ValPlace {
    int8_t reg;
    bool constant, wide;
    uint64_t value;
    Operand mem;
} ValPlace;

#define CHECKS_LIVE 8 /* results of GUEST_CHECK at a time */

/* The out-of-line rest of a guest memory access; emitted after the TB's last operation. */
typedef struct SlowPath {
    uint8_t *jump;          /* displacement of the jump to here */
    uint8_t *jump2;         /* of another one, or NULL */
    uint8_t *back;          /* where the inline path goes on */
    uint16_t insn;
    uint8_t kind, opc;
    int8_t addr, value, expected, dst; /* registers; value NOREG = constant */
    bool wide;              /* the result is an I64 */
    bool rax_live, vec_live;
    bool guarded;           /* a guard's result is live */
    bool write, store_first; /* of SLOW_GUARD: whether it is for stores; its first access is one */
    uint16_t label;         /* of SLOW_GUARD: where it goes when the check fails for good */
    uint16_t x87;           /* of SLOW_LD: the instruction that takes the value */
    MemOpIdx oi;
    int32_t constant;
    uint32_t sync, nsync;   /* dirty globals to store: range of Jit.sync */
    /* GUEST_LDC, GUEST_STC: register of the check's result, address as base + disp */
    int8_t check;
    bool narrow;
    ValPlace base;
    int32_t disp;
    /* Results of checks, to be zeroed after C code ran */
    uint8_t nzero;
    struct { int8_t reg; uint16_t slot; } zero[CHECKS_LIVE];
} SlowPath;

typedef struct SyncItem {
    IRVal global;
    IRVal constant;         /* or IR_NONE: from reg */
    int8_t reg;
} SyncItem;

/* The C function of a VCALL whose row gave a doubtful result; emitted after the TB's last operation. */
typedef struct RedoPath {
    const struct VecCall *call;
    uint8_t *jump, *back;   /* as in SlowPath */
    int8_t in[3], dst;      /* registers, or NOREG */
    int8_t exponent;        /* scalars: register with sign and exponent, plus 1; free at `back` */
    uint16_t imm;
} RedoPath;
#define REDO_MAX 2048

/* What a jump to a fixed pc does when it cannot go straight there; emitted after the last operation. */
typedef enum ExitKind { EXIT_CHAIN, EXIT_POLL, EXIT_LOOKUP, EXIT_CAREFUL, EXIT_POINTER } ExitKind;
typedef struct ExitStub {
    ExitKind kind;
    uint8_t slot, njumps;
    int8_t reg;             /* EXIT_POINTER: holds the pc */
    uint8_t *jump[3];       /* displacements of the jumps to here */
    uint64_t pc;            /* for the target's pc field */
} ExitStub;

typedef struct Jit {
    Asm a;
    uint8_t *rw, *end;
    IRFunc *f;
    TranslationBlock *tb;
    const IROp *op;         /* being emitted */
    const IROp *next;       /* the one after it */
    IROp joined;            /* stands for several operations emitted as one */
    unsigned insn;          /* index of the current guest instruction in f->insns */
    bool unreachable;       /* after an unconditional transfer, until the next label */
    bool uses_ymm;
    uint32_t locked;        /* registers the current operation works with */
    int8_t outreg[2];
    uint64_t dirty_globals[IR_MAX_GLOBALS / 64];
    uint64_t known_globals[IR_MAX_GLOBALS / 64]; /* constant known */
    HostReg reg[HOST_REGS];
    uint64_t slots_used[FRAME_SPILL_UNITS / 64];
    uint8_t *label[IR_MAX_LABELS];
    uint16_t label_uses[IR_MAX_LABELS];
    uint64_t label_plain[IR_MAX_LABELS / 64]; /* reached by its only branch, or by it alone and what precedes */
    uint64_t label_join[IR_MAX_LABELS / 64];  /* reached by one branch further up and what precedes */
    uint64_t label_head[IR_MAX_LABELS / 64];  /* only BRs further down go there */
    uint32_t head_registers; /* that hold values at the head of the loop being emitted */
    uint8_t hint[IR_MAX_VALS]; /* register + 1 of a value there; good while head_registers */
    LabelState label_state[IR_MAX_LABELS];
    uint32_t label_fixup[IR_MAX_LABELS]; /* chain of displacements, as offset from rw; 0 = none */
    unsigned nslow, nsync, nredo;
    unsigned nchecks;
    IRVal checks[CHECKS_LIVE]; /* results of GUEST_CHECK that may be live */
    unsigned nguards;
    IRVal guards[CHECKS_LIVE]; /* those of guards */
    bool many_guards;          /* more than these may be live */
    UnwindWriter unwind;
    uint8_t *icount_fixup, *heat_fixup;
    unsigned nstubs;
    ExitStub stub[192];
    uint32_t random;
    ValLoc loc[IR_MAX_VALS];
    SlowPath slow[SLOW_MAX];
    SyncItem sync[SYNC_MAX];
    RedoPath redo[REDO_MAX];
    uint8_t unwind_buf[UNWIND_BYTES];
} Jit;

/* ---- Process-wide facts, fixed by init ---- */

typedef struct HostInfo {
    bool bmi1, bmi2, lzcnt, popcnt, movbe, avx;
    unsigned bank_seg;           /* X_GS, or 0: tlb_entry_offset adds the bank's address */
    uint32_t vec_features;       /* bit per VF_* */
    unsigned npinned;
    IRVal pinned_val[16];        /* by host register, or IR_NONE */
    int8_t pin[IR_MAX_GLOBALS];  /* host register of a pinned global, or NOREG */
    uint32_t pinned_mask;        /* host registers that hold pinned globals */
    uint32_t free_gp;            /* the allocator's general registers */
    uint32_t call_clobbers;      /* of all registers, those C functions may change */
    uint32_t pc_offset, longest_insn; /* the target's */
    intptr_t rw_delta;           /* writable alias - executable address */
    uintptr_t base;              /* of the code cache, writable: TBs are counted from there */
    /* Shared code, executable addresses */
    const uint8_t *epilogue;      /* rax = result */
    const uint8_t *exit_lookup;   /* leaves with NULL | TB_EXIT_LOOKUP */
    const uint8_t *exit_poll;     /* leaves with NULL | TB_EXIT_POLL */
    const uint8_t *exit_at, *lookup_at; /* rax = TB - base | reason; in its upper half pc - the TB's start, which is stored: leaves; looks up */
    const uint8_t *careful_at;    /* the same: goes to the TB without guards by the jump cache, or by lookup_careful */
    const uint8_t *lookup;        /* pc is stored: asks tb_lookup_code, goes there */
    const uint8_t *lookup_careful; /* the same with tb_lookup_careful */
    const uint8_t *store_pinned, *load_pinned; /* to and from CPUState */
    const uint8_t *redo[2];       /* by whether vectors are 256 bits: VecCallFunc in FRAME_ADDR, immediate in FRAME_VALUE,
                                     vectors in FRAME_VEC, result there */
    const uint8_t *slow[SLOW_KINDS][3]; /* by SlowKind and what vectors to save: none, xmm, ymm */
    uintptr_t (*enter)(void *env, const void *code);
} HostInfo;
extern HostInfo host;

/* The engine's C functions that generated code calls; tests put their own before init. */
typedef struct EngineCalls {
    const void *lookup;  /* tb_lookup_code */
    const void *slow[SLOW_KINDS]; /* by SlowKind; those of the x87 are the target's */
    const void *lookup_careful; /* tb_lookup_careful */
} EngineCalls;
extern EngineCalls engine_calls;

#define ALL_GP 0xffffu
#define ALL_XMM 0xffff0000u
#define CALLER_SAVED_GP (1u << RAX | 1u << RCX | 1u << RDX | 1u << RSI | 1u << RDI | 0xf00u)

static inline Operand env_operand(uint32_t offset)
{
    return mem_operand(RBP, (int32_t)offset - CPU_ENV_BIAS);
}
#define ENV_FIELD(field) env_operand(offsetof(CPUState, field))

/* ---- regs.c ---- */
void regs_begin(Jit *j);
/* Where v's up-to-date or future memory copy is. */
Operand regs_home(Jit *j, IRVal v);
/* Known constant value of v. */
bool regs_constant(const Jit *j, IRVal v, uint64_t *value);
/* Where v is now; needs no register. */
ValPlace regs_place(Jit *j, IRVal v);
/* v is a constant that an instruction of this width can hold as immediate. */
bool regs_imm32(const Jit *j, IRVal v, bool w, int32_t *imm);
/* v in a register of mask, loaded if needed, locked until the operation ends. */
int regs_use(Jit *j, IRVal v, uint32_t mask);
/* v as register or memory operand to read, whatever is cheaper. Not for I32 values read as I64. */
Operand regs_use_rm(Jit *j, IRVal v);
/* A scratch register of mask, locked. */
int regs_alloc(Jit *j, uint32_t mask);
/* Frees exactly this register for scratch use, and locks it. Its content stays readable. */
void regs_take(Jit *j, int r);
/* A register for op->out[n], which op may write once its inputs in `avoid` have been read. reuse:
 * register of an input the result may replace, or NOREG. */
int regs_def(Jit *j, unsigned n, int reuse, uint32_t avoid);
/* The result of out[n] is in r, which the caller took or allocated. */
static inline void regs_result(Jit *j, unsigned n, int r)
{
    j->outreg[n] = (int8_t)r;
    j->locked |= 1u << r;
}
/* True when in[n] is not needed after this operation. */
static inline bool regs_dies(const Jit *j, unsigned n) { return j->op->life >> n & 1; }
void regs_begin_op(Jit *j, const IROp *op);
void regs_end_op(Jit *j); /* buries dead inputs, gives outputs their registers */
void regs_mov(Jit *j, bool truncate); /* the whole of MOV and its kin */
void regs_discard(Jit *j, IRVal global);
void regs_sync_globals(Jit *j);  /* unpinned dirty globals to CPUState */
void regs_sync_block(Jit *j);    /* those, and temps that cross labels */
void regs_forget(Jit *j);        /* nothing but pinned globals is in registers */
void regs_forget_globals(Jit *j); /* C code changed CPUState */
void regs_save_across_call(Jit *j); /* live values in call-clobbered registers get to their homes */
void regs_drop_clobbered(Jit *j);
/* The pieces: see regs.c, labels.c */
int regs_pin_of(const Jit *j, IRVal v);
void regs_bind(Jit *j, int r, IRVal v);
void regs_unbind(Jit *j, IRVal v);
void regs_set_dirty(Jit *j, IRVal v, bool dirty);
void regs_set_constant(Jit *j, IRVal v, IRVal c);
void regs_write_home(Jit *j, IRVal v); /* brings v's home up to date; v stays where it is */
void regs_bury(Jit *j, IRVal v);       /* v has no value any more */
uint32_t regs_empty(const Jit *j, uint32_t mask);
void regs_leave_pinned(Jit *j);   /* pinned registers hold nothing but their globals */
void regs_collect_dirty(Jit *j, SlowPath *s);
void regs_write_sync_item(Jit *j, const SyncItem *item);
void regs_load(Jit *j, int r, IRVal v); /* copies v to r; no bookkeeping */
void regs_store(Jit *j, IRVal v, Operand mem, int r);

/* The emitters: backend.c has a table of operation -> emitter and argument. Each opens with the
 * operation in j->op and is followed by regs_end_op(). */
typedef void Emitter(Jit *j, unsigned arg);

/* ---- emit-int.c ---- */
Emitter x64_mov, x64_alu, x64_mul, x64_group3, x64_unary, x64_shift, x64_div, x64_mul2, x64_add2,
    x64_andc, x64_deposit, x64_extract, x64_sextract, x64_extract2, x64_bswap, x64_bswap16,
    x64_bit_scan, x64_popcnt, x64_trunc_hi, x64_setcond, x64_movcond, x64_fence, x64_pause, x64_discard;

/* ---- labels.c: what is in registers at labels ---- */
void labels_begin(Jit *j);
/* Before the jump to the label: moves and stores values as needed there. */
void labels_branch(Jit *j, unsigned label);
void labels_here(Jit *j, unsigned label); /* at the label */
/* A jump back to this label, a loop's head, needs no moves. */
bool labels_head_ready(Jit *j, unsigned label);
/* Only one branch, further up, leads to the label, and nothing falls into it: labels_branch() emits nothing. */
bool labels_plain(const Jit *j, unsigned label);

/* ---- emit-flow.c: labels, branches and calls inside a TB ---- */
/* The BRCOND in j->op, whose first input is in memory and whose second is constant. */
void x64_branch_on_field(Jit *j, Operand field);
Emitter x64_label, x64_br, x64_brcond, x64_call, x64_insn_start;
/* A C function with op's operands as arguments and its output as result. */
void x64_call_to(Jit *j, const HelperInfo *h);
/* Return address of a call just emitted; the guest instruction is f->insns[insn]. */
void x64_unwind(Jit *j, unsigned insn);

/* A comparison of two values, split so that registers can be chosen between the parts. */
typedef struct Compare {
    uint8_t cc;
    bool test, immediate, w;
    Operand a;
    int8_t b;
    int32_t imm;
} Compare;
unsigned compare_cc(unsigned cond);
void compare_prepare(Jit *j, Compare *c, unsigned cond, bool w, IRVal a, IRVal b);
void compare_emit(Jit *j, const Compare *c);

/* ---- emit-mem.c ---- */
Emitter x64_env_ld, x64_env_st, x64_env_addr, x64_guest_ld, x64_guest_st, x64_atomic, x64_cmpxchg,
    x64_guest_check, x64_guest_ldc, x64_guest_stc, x64_host_ld, x64_host_st;
void x64_slow_paths(Jit *j);
SlowPath *mem_slow_new(Jit *j, SlowKind kind, int addr);
/* Notes what the slow path must keep, as it is at the jump to it. */
void mem_slow_snapshot(Jit *j, SlowPath *s);
/* Jumps to the slow path unless the access may be made inline; then leaves host - guest address in t1. t2 is
 * scratch. Everything the operation needs is in registers by now. */
void mem_tlb_check(Jit *j, SlowPath *s, AccessType access, unsigned bytes, bool aligned, int t1, int t2);

/* Offset of the TLB entry of addr in its table, for a memory operand with host.bank_seg, to dst. */
void tlb_entry_offset(Asm *a, int dst, int addr);
/* The same for a constant address: returns the jump that is taken unless the entry is that of its page; t1 = host - guest
 * address. t2 is scratch. */
uint8_t *mem_check_constant(Asm *a, unsigned mode, AccessType access, uint64_t addr, int t1, int t2);
static inline int32_t tlb_table(unsigned mode) { return (int32_t)(mode * TLB_SIZE << TLB_ENTRY_BITS); }
unsigned mem_load_opcode(MemOp op, bool w);
void mem_store_int(Asm *a, unsigned bytes, int r, Operand mem);
void mem_load_big_endian(Jit *j, MemOp op, bool w, int d, Operand mem);
void mem_store_big_endian(Jit *j, MemOp op, int value, int scratch, Operand mem);

/* ---- emit-check.c: accesses after a merged check ---- */
void checks_collect(Jit *j, SlowPath *s);  /* results that are live here */
void checks_zero(Jit *j, const SlowPath *s); /* C code ran: they are not good any more */
void check_failed(Jit *j, const SlowPath *s);
void guard_failed(Jit *j, const SlowPath *s);
bool guards_live(Jit *j); /* is the result of one? */
void check_alone(Jit *j, const SlowPath *s); /* the access's own check; comes out where it fails */

/* ---- emit-x87.c ---- */
Emitter x64_x87, x64_x87_guard, x64_x87_out, x64_x87_in, x64_x87_ld, x64_x87_st;
/* The rest of a slow load: the instruction takes the value in rax. */
void x64_x87_take(Jit *j, const SlowPath *s);

/* ---- emit-vec.c ---- */
Emitter x64_v_from_int, x64_v_to_int, x64_vzero, x64_v_join, x64_v_half, x64_vop;
/* One operation of vec.def on registers already chosen; d is none of a, b, c. b and c may be NOREG. */
bool vec_row_usable(unsigned row);
void vec_row_emit(Jit *j, unsigned row, uint8_t imm, int d, int a, int b, int c);
void vec_op(Asm *a, unsigned op, int reg, int vvvv, Operand rm); /* VEX when the host has AVX */
void vec_ld(Asm *a, IRType t, int r, Operand mem);
void vec_st(Asm *a, IRType t, int r, Operand mem);
void vec_mov(Asm *a, IRType t, int dst, int src);
void vec_zero(Asm *a, int r);
void vec_ld_sized(Asm *a, MemOp op, int r, Operand mem); /* as much as op says, the rest is zero */
void vec_st_sized(Asm *a, MemOp op, int r, Operand mem);
void asm_vzeroupper(Asm *a);

/* ---- emit-vcall.c ---- */
Emitter x64_vcall;
void x64_redo_paths(Jit *j);
void vcall_constants(Asm *a); /* at entry: fills FRAME_CONST */

/* ---- exits.c: ways to leave a TB, and the shared start of the code cache ---- */
Emitter x64_goto_tb, x64_goto_careful, x64_goto_ptr, x64_goto_lookup, x64_exit_tb;
/* A branch to the label that is followed by two goto_tb, one for each way: emits all of it. Else false. */
bool x64_branch_out(Jit *j, unsigned label, Compare *c);
void x64_entry(Jit *j);
void x64_exit_stubs(Jit *j);
/* entry = offset of the jump cache's entry for this pc; a field of it. */
void exits_cache_entry(Asm *a, int entry, int pc);
Operand exits_cache_field(int entry, size_t field);
void exits_patch(TranslationBlock *tb, unsigned slot, const TranslationBlock *dest);

/* ---- prologue.c: shared code at the start of the code cache ---- */
void prologue_emit(Asm *a);
/* MOV_LD or MOV_ST between pinned registers of mask and CPUState. */
void pins_move(Asm *a, unsigned opcode, uint32_t mask);

void x86_64_disas(FILE *out, const TranslationBlock *tb);

/* Random choice among free registers: in tests, and in builds with --enable-debug. */
extern bool tcg_x86_64_random_alloc;
extern uint32_t tcg_x86_64_random_seed;

#endif
