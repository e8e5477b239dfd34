/* SPDX-License-Identifier: MIT */
/*
 * client_format: an environment as each reader wants it quoted. Values hold no control
 * characters (client_env_make).
 */
#include "cmd/client_env.h"

#include "base/json.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

/* text, with a backslash before each of these characters */
static void put_escaped(struct buf *out, const char *text, const char *escaped)
{
	for (; *text; text++) {
		if (strchr(escaped, *text)) {
			buf_putc(out, '\\');
		}
		buf_putc(out, *text);
	}
}

/* text, with each '$' twice: where one begins a reference */
static void put_dollars(struct buf *out, const char *text)
{
	struct buf doubled = { 0 };

	for (; *text; text++) {
		buf_puts(&doubled, *text == '$' ? "$$" : (char[2]){ *text, '\0' });
	}
	json_put_string(out, buf_slice(&doubled)); /* YAML reads JSON's strings */
	out->failed = out->failed || doubled.failed;
	buf_wipe(&doubled);
}

static int put_sh(struct buf *out, const struct client_env *env, struct err *err)
{
	(void)err;
	for (size_t i = 0; i < env->count; i++) {
		buf_printf(out, "export %s='", env->item[i].name);
		for (const char *c = env->item[i].value; *c; c++) {
			buf_puts(out, *c == '\'' ? "'\\''" : (char[2]){ *c, '\0' });
		}
		buf_puts(out, "'\n");
	}
	return 0;
}

static int put_fish(struct buf *out, const struct client_env *env, struct err *err)
{
	(void)err;
	for (size_t i = 0; i < env->count; i++) {
		buf_printf(out, "set -gx %s '", env->item[i].name);
		put_escaped(out, env->item[i].value, "\\'");
		buf_puts(out, "'\n");
	}
	return 0;
}

static bool is_plain(const char *text)
{
	for (; *text; text++) {
		if (!isalnum((unsigned char)*text) && !strchr("_-./:,@%+=~", *text)) {
			return false;
		}
	}
	return true;
}

/*
 * There is no standard. Bare where that needs no quotes, since `docker run --env-file`
 * keeps them; else in quotes that sh, docker compose and the dotenv libraries read alike.
 */
static int put_dotenv(struct buf *out, const struct client_env *env, struct err *err)
{
	for (size_t i = 0; i < env->count; i++) {
		const char *value = env->item[i].value;
		const char *quote = "'";

		if (is_plain(value)) {
			quote = "";
		} else if (strchr(value, '\'')) {
			quote = "\"";
			if (strpbrk(value, "\"\\$`")) {
				return err_set(err, EINVAL,
				    "%s holds quotes of both kinds, which dotenv files cannot: "
				    "use another --format, or a path without them",
				    env->item[i].name);
			}
		}
		buf_printf(out, "%s=%s%s%s\n", env->item[i].name, quote, value, quote);
	}
	return 0;
}

/* A file for EnvironmentFile=: systemd.exec(5). */
static int put_systemd(struct buf *out, const struct client_env *env, struct err *err)
{
	(void)err;
	for (size_t i = 0; i < env->count; i++) {
		buf_printf(out, "%s=\"", env->item[i].name);
		put_escaped(out, env->item[i].value, "\"\\`$");
		buf_puts(out, "\"\n");
	}
	return 0;
}

static int put_compose(struct buf *out, const struct client_env *env, struct err *err)
{
	(void)err;
	buf_puts(out, "environment:\n");
	for (size_t i = 0; i < env->count; i++) {
		buf_printf(out, "  %s: ", env->item[i].name);
		put_dollars(out, env->item[i].value);
		buf_putc(out, '\n');
	}
	return 0;
}

/* $(NAME) is a reference there, and $$ a dollar. */
static int put_kubernetes(struct buf *out, const struct client_env *env, struct err *err)
{
	(void)err;
	buf_puts(out, "env:\n");
	for (size_t i = 0; i < env->count; i++) {
		buf_printf(out, "  - name: %s\n    value: ", env->item[i].name);
		put_dollars(out, env->item[i].value);
		buf_putc(out, '\n');
	}
	return 0;
}

static int put_json(struct buf *out, const struct client_env *env, struct err *err)
{
	(void)err;
	for (size_t i = 0; i < env->count; i++) {
		buf_printf(out, "%s\n  \"%s\": ", i == 0 ? "{" : ",", env->item[i].name);
		json_put_string(out, slice_of(env->item[i].value));
	}
	buf_puts(out, "\n}\n");
	return 0;
}

static const struct client_format formats[] = {
	{ "sh", put_sh },
	{ "fish", put_fish },
	{ "dotenv", put_dotenv },
	{ "systemd", put_systemd },
	{ "docker-compose", put_compose },
	{ "docker", put_compose },
	{ "kubernetes", put_kubernetes },
	{ "json", put_json },
};

const char client_format_names[] =
    "sh, fish, dotenv, systemd, docker-compose, kubernetes, json";

const struct client_format *client_format_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(formats[i].name, name) == 0) {
			return &formats[i];
		}
	}
	return NULL;
}
