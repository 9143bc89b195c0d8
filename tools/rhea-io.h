/* SPDX-License-Identifier: MIT */
/* What the files of rhea-io share: rhea-io.c (options, the loop over commands) and rhea-io-cmds.c (the commands). */
#ifndef RHEA_TOOLS_RHEA_IO_H
#define RHEA_TOOLS_RHEA_IO_H

#include "block/block.h"

typedef struct IoCommand {
    const char *name, *alias;
    int (*run)(int argc, char **argv); /* 0, or -errno; it has said what was wrong. argv ends with NULL */
    int min_args, max_args;            /* max -1: any number */
    bool without_file;
    const char *args, *oneline;
} IoCommand;

extern const IoCommand io_commands[]; /* by name, ends with a NULL one */
extern BlockNode *io_node;            /* the open image, or NULL */
extern bool io_quit;

void io_usage(const IoCommand *c);
const IoCommand *io_find(const char *name);
/* "threads", cache and discard modes to BLOCK_ flags; false: it is none. */
bool io_cache_mode(const char *mode, int *flags, bool *writethrough);
bool io_discard_mode(const char *mode, int *flags);
/* Opens the image that is then worked on; says why it cannot. */
bool io_open(const char *name, OptGroup *o, int flags, bool writethrough);
void io_close(void); /* waits for what is under way */

#endif
