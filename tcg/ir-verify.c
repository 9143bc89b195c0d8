/* SPDX-License-Identifier: MIT */
/*
 * Checks that the IR keeps its own rules: operands present and of the right type, fields and labels in
 * range, labels defined once, slots of goto_tb used once, the end never falling through.
 */
#include "exec/tb.h"
#include "ir-text.h"
#include "tcg/vec.h"
#include "util/error.h"
#include <string.h>

typedef struct Verifier {
    const IRFunc *f;
    const IROp *op;
    Error **errp;
    bool defined[IR_MAX_LABELS], used[IR_MAX_LABELS];
    bool slot[TB_SLOTS];
} Verifier;

static bool bad(Verifier *v, const char *what)
{
    error_setg(v->errp, "op %u (%s): %s", (unsigned)(v->op - v->f->ops), ir_op_info[v->op->opc].name, what);
    return false;
}

/* An operand of type `have` where the operation means `want` (IR_VOID: any integer). */
static bool type_fits(IRType have, IRType want)
{
    switch (want) {
    case IR_VOID: case IR_I32:
        return have == IR_I32 || have == IR_I64;
    default:
        return have == want;
    }
}

static unsigned vop_inputs(const IROp *op)
{
    static const uint8_t inputs[] = {
        [VS_V] = 1, [VS_VV] = 2, [VS_VVV] = 3, [VS_VI] = 1, [VS_VVI] = 2, [VS_SHIFTI] = 1,
        [VS_VG] = 2, [VS_VGI] = 2, [VS_GV] = 1, [VS_GVI] = 1, [VS_FLAGS] = 2, [VS_FMA] = 3,
    };
    return inputs[vec_info[op->imm & 0xffff].shape];
}

static unsigned call_inputs(const HelperInfo *h)
{
    unsigned n = 0;

    while (n < HELPER_MAX_ARGS && h->args[n] != HARG_NONE) {
        n++;
    }
    return n - (h->args[0] == HARG_ENV);
}

static bool check_outputs(Verifier *v)
{
    const IROp *op = v->op;
    const IRFunc *f = v->f;

    for (unsigned n = 0; n < 2; n++) {
        IRVal out = op->out[n];
        bool expected = n < ir_op_info[op->opc].outs;
        if (out == IR_NONE) {
            if (expected && op->opc != IR_CALL && !(ir_op_info[op->opc].flags & IRF_MEM)) {
                return bad(v, "output missing");
            }
            continue;
        }
        if (!expected || out >= f->nvals) {
            return bad(v, "no such output");
        }
        if (f->vals[out].kind == IRK_CONST) {
            return bad(v, "assigns a constant");
        }
        if (op->opc == IR_DISCARD ? f->vals[out].kind != IRK_GLOBAL
                                  : !type_fits(ir_type(f, out), ir_out_type(f, op, n))) {
            return bad(v, "output of the wrong type");
        }
    }
    return true;
}

static bool check_inputs(Verifier *v)
{
    const IROp *op = v->op;
    const IRFunc *f = v->f;
    unsigned ins = op->opc == IR_VOP ? vop_inputs(op) : op->opc == IR_CALL ? call_inputs(f->calls[op->imm]) : ir_op_info[op->opc].ins;

    for (unsigned n = 0; n < HELPER_MAX_ARGS; n++) {
        IRVal in = op->in[n];
        if (n >= ins) {
            if (in != IR_NONE) {
                return bad(v, "too many inputs");
            }
        } else if (in == IR_NONE && op->opc == IR_VCALL) {
            continue; /* each may be absent */
        } else if (in == IR_NONE) {
            return bad(v, "input missing");
        } else if (in >= f->nvals) {
            return bad(v, "no such input");
        } else if (!type_fits(ir_type(f, in), ir_in_type(f, op, n))) {
            return bad(v, "input of the wrong type");
        }
    }
    return true;
}

static bool check_fields(Verifier *v)
{
    const IROp *op = v->op;
    unsigned width = op->type == IR_I32 ? 32 : 64;

    switch (op->opc) {
    case IR_DEPOSIT: case IR_EXTRACT: case IR_SEXTRACT:
        return (op->aux && op->imm + op->aux <= width) || bad(v, "field outside the value");
    case IR_EXTRACT2:
        return op->imm <= width || bad(v, "shift outside the value");
    case IR_SETCOND: case IR_NEGSETCOND:
        if ((ir_type(v->f, op->out[0]) == IR_I64) != !!(op->aux & 0x100)) {
            return bad(v, "aux bit 8 disagrees with the output");
        }
        /* fall through */
    case IR_BRCOND: case IR_MOVCOND:
        return (op->aux & 0xff) < IR_CONDS || bad(v, "no such condition");
    case IR_BSWAP64:
        return op->type == IR_I64 || bad(v, "needs I64");
    default:
        return true;
    }
}

static bool check_memop(Verifier *v)
{
    MemOpIdx oi = check_oi(v->op->imm);
    MemOp m = memopidx_op(oi);
    unsigned most = v->op->type == IR_I32 ? 4 : v->op->type == IR_I64 ? 8 : v->op->type == IR_V128 ? 16 : 32;

    return ((memop_bytes(m) <= most || v->op->opc == IR_GUEST_CHECK) && memopidx_mode(oi) < 8) || bad(v, "access wider than its value");
}

static bool check_label(Verifier *v)
{
    const IROp *op = v->op;

    if (op->imm >= v->f->nlabels) {
        return bad(v, "no such label");
    }
    if (op->opc != IR_LABEL) {
        v->used[op->imm] = true;
        return true;
    }
    if (v->defined[op->imm]) {
        return bad(v, "label defined twice");
    }
    v->defined[op->imm] = true;
    return true;
}

static bool check_goto(Verifier *v)
{
    const IROp *op = v->op;

    if (op->aux >= TB_SLOTS || v->slot[op->aux]) {
        return bad(v, "slot is too large, or used twice");
    }
    v->slot[op->aux] = true;
    return ir_is_const(v->f, op->in[0]) || bad(v, "pc value is not a constant");
}

static bool check_op(Verifier *v)
{
    const IROp *op = v->op;
    bool is_vector = op->type == IR_V128 || op->type == IR_V256;

    if (op->opc >= IR_OPCODES || op->type > IR_VOID) {
        error_setg(v->errp, "op %u: no such operation or type", (unsigned)(op - v->f->ops));
        return false;
    }
    if (op->opc == IR_NOP) {
        return true; /* what it was before may still be seen in its operands */
    }
    if ((ir_op_info[op->opc].flags & IRF_INT && op->type > IR_I64) ||
        (ir_op_info[op->opc].flags & IRF_VEC && !is_vector)) {
        return bad(v, "wrong type");
    }
    if (op->opc == IR_CALL && op->imm >= v->f->ncalls) {
        return bad(v, "no such helper");
    }
    if (op->opc == IR_VOP && (op->imm & 0xffff) >= VEC_ROWS) {
        return bad(v, "no such row of vec.def");
    }
    if (op->opc == IR_LABEL || op->opc == IR_BR || op->opc == IR_BRCOND) {
        if (!check_label(v)) {
            return false;
        }
    }
    if (op->opc == IR_INSN_START && op->aux >= v->f->ninsns) {
        return bad(v, "no such instruction");
    }
    if (ir_op_info[op->opc].flags & IRF_MEM && !check_memop(v)) {
        return false;
    }
    return check_outputs(v) && check_inputs(v) && check_fields(v) && (op->opc != IR_GOTO_TB || check_goto(v));
}

static bool falls_through(const IRFunc *f, const IROp *op)
{
    return !(ir_op_info[op->opc].flags & IRF_TB_END) &&
           !(op->opc == IR_CALL && f->calls[op->imm]->flags & HF_NO_RETURN);
}

bool ir_verify(const IRFunc *f, Error **errp)
{
    Verifier v = { .f = f, .errp = errp };

    for (unsigned i = 0; i < f->nops; i++) {
        v.op = &f->ops[i];
        if (!check_op(&v)) {
            return false;
        }
    }
    for (unsigned l = 0; l < f->nlabels; l++) {
        if (v.used[l] && !v.defined[l]) {
            error_setg(errp, "label L%u is used but not defined", l);
            return false;
        }
    }
    if (f->nops == 0 || falls_through(f, &f->ops[f->nops - 1])) {
        error_setg(errp, "the last operation falls through");
        return false;
    }
    return true;
}
