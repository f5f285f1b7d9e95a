/* SPDX-License-Identifier: Apache-2.0 */
/* What a signature pays for following its role: prov_role_take on a state directory, the sources of the provider linked
 * in. --key is the role, --config certroll.conf; @count takes are timed after as many to warm up, in CPU
 * time. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "provider/prov_lock.h"
#include "provider/prov_role.h"

static double take(struct prov_ctx *ctx, struct prov_role *role, int n)
{
    double begin = bench_cpu();
    struct prov_snap *snap = NULL;

    for (int i = 0; i < n; i++) {
        if (cr_failed(prov_role_take(ctx, role, &snap, NULL)))
            bench_die("prov_role_take");
        prov_snap_unref(&snap);
    }
    return 1e9 * (bench_cpu() - begin) / n;
}

int main(int argc, char **argv)
{
    struct bench b = bench_options(argc, argv);
    struct prov_role *role = NULL;
    struct prov_ctx ctx = {0};
    struct cr_err err = {0};
    int n = b.count > 0 ? b.count : 200000;

    prov_lock_init();
    if (b.config == NULL || b.key == NULL || cr_failed(conf_load(b.config, &ctx.conf, &err)) ||
        cr_failed(store_file_open(ctx.conf->state_dir, false, &ctx.store, &err)) ||
        cr_failed(prov_role_open(&ctx, b.key, &role, &err))) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    (void)take(&ctx, role, n);
    bench_print(&b, "", take(&ctx, role, n), "ns");
    return 0;
}
