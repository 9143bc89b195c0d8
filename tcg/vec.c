/* SPDX-License-Identifier: MIT */
/* The table of vector rows, generated from vec.def; the reference functions are in vec-ref.c. */
#include "tcg/vec.h"

#define VOP(name, text, shape, feature, pp, map, op, ext, flags) VecRefFunc vec_ref_##name;
#include "vec.def"
#undef VOP

const VecInfo vec_info[VEC_ROWS] = {
#define VOP(name_, text_, shape_, feature_, pp_, map_, op_, ext_, flags_)                    \
    [VEC_##name_] = { .name = text_, .shape = shape_, .feature = feature_, .flags = flags_,  \
                      .pp = pp_, .map = map_, .op = op_, .ext = ext_, .ref = vec_ref_##name_ },
#include "vec.def"
#undef VOP
};
