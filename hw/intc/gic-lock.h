/* SPDX-License-Identifier: MIT */
/*
 * The lock of an Arm interrupt controller. vCPUs reach the controller without the machine lock; lines come from whoever
 * changes them. Order: machine lock, then this one; while it is held nothing may take the machine lock (so tables in
 * memory are read from RAM only), but vCPUs may be interrupted. Recursive, for a controller's output that leads
 * back to an input of its own (the maintenance interrupt).
 */
#ifndef RHEA_HW_INTC_GIC_LOCK_H
#define RHEA_HW_INTC_GIC_LOCK_H

#include <glib.h>

/* Held to the end of the enclosing block. */
#define GIC_LOCKED(lock) g_autoptr(GRecMutexLocker) gic_locker G_GNUC_UNUSED = g_rec_mutex_locker_new(lock)

#endif
