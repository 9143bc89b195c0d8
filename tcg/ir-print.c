/* SPDX-License-Identifier: MIT */
/* Prints IR as text; the form is described in ir-text.h. */
#include "ir-text.h"
#include "tcg/vec.h"
#include <inttypes.h>
#include <string.h>

const IRTextShape ir_text_shape[IR_OPCODES] = {
    [IR_BR] = { .imm = IMM_LABEL },
    [IR_BRCOND] = { MOD_COND, IMM_LABEL },
    [IR_CALL] = { .modifier = MOD_HELPER },
    [IR_FENCE] = { .imm = IMM_NUMBER },
    [IR_GOTO_TB] = { .imm = IMM_GOTO },
    [IR_GOTO_CAREFUL] = { .imm = IMM_HEX },
    [IR_EXIT_TB] = { .imm = IMM_NUMBER },
    [IR_DEPOSIT] = { .imm = IMM_POS_LEN },
    [IR_EXTRACT] = { .imm = IMM_POS_LEN },
    [IR_SEXTRACT] = { .imm = IMM_POS_LEN },
    [IR_EXTRACT2] = { .imm = IMM_POS },
    [IR_SETCOND] = { .modifier = MOD_COND },
    [IR_NEGSETCOND] = { .modifier = MOD_COND },
    [IR_MOVCOND] = { .modifier = MOD_COND_TYPE },
    [IR_LD8U ... IR_ENV_ADDR] = { .imm = IMM_ENV },
    [IR_GUEST_LD] = { .imm = IMM_MEMOP },
    [IR_GUEST_ST] = { .imm = IMM_MEMOP },
    [IR_GUEST_CHECK ... IR_HOST_ST] = { .imm = IMM_CHECK },
    [IR_ATOMIC_XCHG ... IR_ATOMIC_CMPXCHG] = { .imm = IMM_MEMOP },
    [IR_X87_GUARD ... IR_X87_ST] = { .imm = IMM_HEX },
    [IR_V_HALF] = { .imm = IMM_NUMBER },
    [IR_V_FROM_INT] = { .modifier = MOD_INT_TYPE },
    [IR_V_TO_INT] = { .modifier = MOD_INT_TYPE },
    [IR_VOP] = { MOD_VEC_ROW, IMM_BYTE },
    [IR_VCALL] = { MOD_VEC_CALL, IMM_AUX },
};

const char *const ir_type_name[IR_VOID + 1] = { "i32", "i64", "v128", "v256", "void" };

const char *const ir_cond_name[IR_CONDS] = {
    "never", "always", "eq", "ne", "lt", "ge", "le", "gt", "ltu", "geu", "leu", "gtu", "tsteq", "tstne",
};

typedef struct Printer {
    const IRFunc *f;
    FILE *out;
    const char *separator;              /* before the next operand */
    uint64_t seen[IR_MAX_VALS / 64];    /* temps whose type has been told */
} Printer;

static void print_const(Printer *p, const IRValInfo *c, bool own_type)
{
    int64_t value = c->type == IR_I32 ? (int32_t)c->value : (int64_t)c->value;

    if (value < 0 && value >= -4096) {
        fprintf(p->out, "$%" PRId64, value);
    } else {
        fprintf(p->out, "$0x%" PRIx64, c->value);
    }
    if (own_type && c->type == IR_I32) {
        fputs(":i32", p->out);
    }
}

static void print_val(Printer *p, IRVal v, bool own_type)
{
    const IRValInfo *info = v != IR_NONE ? &p->f->vals[v] : NULL;

    fputs(p->separator, p->out);
    p->separator = ", ";
    if (!info) {
        fputs("-", p->out);
    } else if (info->kind == IRK_GLOBAL) {
        fputs(info->name, p->out);
    } else if (info->kind == IRK_CONST) {
        print_const(p, info, own_type);
    } else {
        fprintf(p->out, "t%u", v - p->f->nglobals);
        if (!(p->seen[v / 64] >> v % 64 & 1)) {
            p->seen[v / 64] |= 1ull << v % 64;
            fprintf(p->out, ":%s", ir_type_name[info->type]);
        }
    }
}

static void print_modifier(Printer *p, const IROp *op)
{
    switch (ir_text_shape[op->opc].modifier) {
    case MOD_COND:
        fprintf(p->out, " %s", ir_cond_name[op->aux & 0xff]);
        break;
    case MOD_COND_TYPE:
        fprintf(p->out, " %s.%s", ir_cond_name[op->aux & 0xff], ir_type_name[op->aux & 0x100 ? IR_I64 : IR_I32]);
        break;
    case MOD_HELPER:
        fprintf(p->out, " %s", p->f->calls[op->imm]->name);
        break;
    case MOD_VEC_ROW:
        fprintf(p->out, " %s", vec_info[op->imm & 0xffff].name);
        break;
    case MOD_VEC_CALL:
        fprintf(p->out, " %s", ((const VecCall *)(uintptr_t)op->imm)->name);
        break;
    case MOD_INT_TYPE:
        fprintf(p->out, " %s", ir_type_name[op->aux]);
        break;
    }
}

static void print_memop(FILE *out, MemOpIdx oi)
{
    MemOp op = memopidx_op(oi);

    fprintf(out, "%c%s%u%s%s.m%u", op & MO_SIGN ? 's' : 'u', op & MO_BE ? "be" : "le", 8 * memop_bytes(op),
            op & MO_RMW ? "w" : "", op & MO_ALIGN ? "a" : "", memopidx_mode(oi));
}

static void print_imm(Printer *p, const IROp *op)
{
    FILE *out = p->out;
    IRImm imm = ir_text_shape[op->opc].imm;

    if (imm == IMM_NONE || (imm == IMM_BYTE && !(op->imm >> 16))) {
        return;
    }
    fputs(p->separator, out);
    switch (imm) {
    case IMM_NONE:
        break;
    case IMM_NUMBER: case IMM_POS:
        fprintf(out, "%u", (unsigned)op->imm);
        break;
    case IMM_LABEL:
        fprintf(out, "L%u", (unsigned)op->imm);
        break;
    case IMM_POS_LEN:
        fprintf(out, "%u, %u", (unsigned)op->imm, op->aux);
        break;
    case IMM_ENV:
        fprintf(out, "env+0x%x", (unsigned)op->imm);
        break;
    case IMM_MEMOP:
        print_memop(out, op->imm);
        break;
    case IMM_HEX:
        fprintf(out, "0x%" PRIx64, op->imm);
        break;
    case IMM_CHECK:
        print_memop(out, check_oi(op->imm));
        fprintf(out, ", %s%s, %d, %d", op->imm & CHK_WRITE ? "w" : "r", op->imm & CHK_NARROW ? "32" : "64",
                check_disp(op->imm), (int16_t)op->aux);
        break;
    case IMM_BYTE:
        fprintf(out, "0x%x", (unsigned)(op->imm >> 16));
        break;
    case IMM_AUX:
        fprintf(out, "0x%x", op->aux);
        break;
    case IMM_GOTO:
        fprintf(out, "%u, 0x%" PRIx64, op->aux, op->imm);
        break;
    }
}

static void print_life_group(FILE *out, const char *name, unsigned bits)
{
    if (bits) {
        fprintf(out, " %s", name);
        for (unsigned n = 0; bits; n++, bits >>= 1) {
            if (bits & 1) {
                fprintf(out, " %u", n);
            }
        }
    }
}

static void print_op(Printer *p, const IROp *op)
{
    const IROpInfo *info = &ir_op_info[op->opc];
    unsigned ins = info->ins;

    if (op->opc == IR_LABEL) {
        fprintf(p->out, "L%u:\n", (unsigned)op->imm);
        return;
    }
    if (op->opc == IR_INSN_START) {
        fprintf(p->out, "  insn 0x%" PRIx64 ", 0x%x\n", op->imm, p->f->insns[op->aux].extra);
        return;
    }
    fprintf(p->out, "  %s", info->name);
    if (op->type != IR_VOID) {
        fprintf(p->out, ".%s", ir_type_name[op->type]);
    }
    print_modifier(p, op);
    p->separator = " ";
    for (unsigned n = 0; n < info->outs; n++) {
        print_val(p, op->out[n], false);
    }
    while (ins && op->in[ins - 1] == IR_NONE) {
        ins--;
    }
    for (unsigned n = 0; n < ins; n++) {
        print_val(p, op->in[n], op->in[n] != IR_NONE && ir_in_type(p->f, op, n) == IR_VOID);
    }
    print_imm(p, op);
    if (op->life) {
        fputs("  ;", p->out);
        print_life_group(p->out, "dies", op->life & 0xff);
        print_life_group(p->out, "unread", op->life >> 8 & 0xff);
        print_life_group(p->out, "sync", op->life >> 16);
    }
    fputc('\n', p->out);
}

void ir_print(const IRFunc *f, FILE *out)
{
    Printer p = { .f = f, .out = out };

    for (unsigned i = 0; i < f->nops; i++) {
        print_op(&p, &f->ops[i]);
    }
}
