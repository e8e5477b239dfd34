/* SPDX-License-Identifier: MIT */
/*
 * action: the name a call gets, from a template such as telegram_{method}.
 */
#ifndef ROUTES_ACTION_H
#define ROUTES_ACTION_H

#include "routes/routes.h"

/*
 * Checks a template against the {names} of its path. Returns 0, or -EINVAL with what is
 * wrong in *ret_why (a static string).
 */
int action_check(struct slice template, const struct names *names, const char **ret_why);

/*
 * Fills a checked template in: values in lower case, what is not a to z, 0 to 9 or _
 * becomes _. What does not fit is cut.
 */
void action_fill(const char *template, const struct route_param *param,
    size_t param_count, char ret_action[ROUTE_ACTION_SIZE]);

#endif
