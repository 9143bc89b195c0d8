/* SPDX-License-Identifier: MIT */
/* Semihosting options, for any target whose guests can ask the host for files and console. */
#ifndef RHEA_SEMIHOST_H
#define RHEA_SEMIHOST_H

#include "typedefs.h"

/* -semihosting (opts NULL), -semihosting-config [enable=on|off][,target=native|auto][,userspace=on|off][,arg=str]. Before any vCPU exists. */
bool semihost_configure(OptGroup *opts, Error **errp);

#endif
