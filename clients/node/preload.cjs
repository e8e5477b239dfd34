// SPDX-License-Identifier: MIT
//
// preload: sends a Node program's HTTPS calls to routed hosts through waybill. For Node 18 and later;
// needs nothing but this file:
//
//   NODE_OPTIONS=--require=/usr/lib/waybill/preload.cjs
//   WAYBILL_PROXY=http://127.0.0.1:8080             credentials as http://USER:SECRET@…
//   WAYBILL_HOSTS=api.resend.com,*.amocrm.ru        only these; all others are left alone
//   NODE_EXTRA_CA_CERTS=…/ca/root.pem               Node reads it at its start only
//   WAYBILL_FAIL_OPEN=1                             with the proxy away go direct; else such calls fail
//
// What it does: every https.Agent (so also those that libraries make for themselves) and the global
// dispatcher of fetch and undici open their connection by CONNECT. What already goes through a proxy
// by its own means stays as it is. Loopback and the hosts of NO_PROXY are never sent there.
//
// Not covered, and working as without it: http2, WebSockets by `ws`, gRPC, undici 8, plain http://, a
// dispatcher of the program's own. Anything unexpected in here leaves the program as it was.
'use strict';

const MARK = Symbol.for('waybill.preload');
const OWN = Symbol('waybill.own'); // connections that this file makes itself
const HEAD_MAX = 65536;
const CONNECT_TIMEOUT_MS = 10000; // undici's own

// ---- which calls

function unbracketed(host) {
	return String(host).toLowerCase().replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

// "api.x", "*.x": below x only.
function hostMatcher(list) {
	const exact = new Set();
	const below = [];
	for (const part of list.split(/[\s,]+/)) {
		const name = unbracketed(part);
		if (name.startsWith('*.')) {
			below.push(name.slice(1));
		} else if (name) {
			exact.add(name);
		}
	}
	return (host) => exact.has(host) || below.some((end) => host.endsWith(end));
}

// NO_PROXY, as most read it: "*", "x" and ".x" with all that is below x, "*.x", each with an optional port.
function bypassMatcher(list) {
	const rules = [];
	for (const part of list.split(/[\s,]+/)) {
		const match = /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(part.toLowerCase());
		if (part === '*') {
			return () => true;
		}
		if (part && !part.includes('::') && match[1]) {
			rules.push({ name: match[1], port: match[2] });
		}
	}
	return (host, port) =>
		rules.some((rule) => (host === rule.name || host.endsWith('.' + rule.name)) &&
			(!rule.port || rule.port === String(port)));
}

function isLoopback(host) {
	return host === 'localhost' || host.endsWith('.localhost') || /^127\./.test(host) || host === '::1';
}

function settingsFrom(env) {
	const url = new URL(env.WAYBILL_PROXY);
	const ports = new Set((env.WAYBILL_PORTS || '443').split(/[\s,]+/));
	const routed = hostMatcher(env.WAYBILL_HOSTS || '');
	const bypassed = bypassMatcher([env.NO_PROXY, env.no_proxy].filter(Boolean).join(','));
	let authorization = null;

	if (url.protocol !== 'http:') {
		throw new Error('WAYBILL_PROXY is no http:// URL');
	}
	if (url.username || url.password) {
		const pair = decodeURIComponent(url.username) + ':' + decodeURIComponent(url.password);
		authorization = 'Basic ' + Buffer.from(pair, 'utf8').toString('base64');
	}
	return {
		host: unbracketed(url.hostname),
		port: Number(url.port || 80),
		name: 'http://' + url.host, // without credentials: it is for messages
		authorization,
		failOpen: /^(1|true|yes|on)$/i.test(env.WAYBILL_FAIL_OPEN || ''),
		takes(host, port) {
			const name = unbracketed(host);
			return ports.has(String(port)) && !isLoopback(name) && routed(name) && !bypassed(name, port);
		},
	};
}

// ---- one tunnel

let warned = false;

// Some libraries hide the error of a connection: say it once where a person sees it.
function warnOnce(message) {
	if (!warned) {
		warned = true;
		process.emitWarning(message, { type: 'WaybillWarning' });
	}
}

function unreachable(proxy, host, error) {
	const reason = error.message || error.code || 'no connection'; // an AggregateError has no message
	const wrapped = new Error(`cannot reach the proxy waybill at ${proxy.name} for a call to ${host}: ` +
		`${reason}; start \`waybill run\`, or set WAYBILL_FAIL_OPEN=1 to call without it`, { cause: error });
	wrapped.code = error.code || 'ECONNREFUSED';
	for (const name of ['errno', 'syscall', 'address', 'port']) {
		if (error[name] !== undefined) {
			wrapped[name] = error[name];
		}
	}
	warnOnce(wrapped.message);
	return wrapped;
}

function refused(proxy, host, head, body) {
	const status = head.slice(0, head.indexOf('\r\n'));
	let detail = body.trim();
	try {
		detail = JSON.parse(body).error.message;
	} catch {
		// not ours: as it is
	}
	const error = new Error(`the proxy waybill at ${proxy.name} refused CONNECT to ${host}: ${status}` +
		(detail ? `: ${detail.slice(0, 500)}` : ''));
	error.code = 'EPROXYCONNECT';
	error.statusCode = Number(status.split(' ')[1]) || 0;
	warnOnce(error.message);
	return error;
}

function tunnelClass(proxy, net, stream) {
	// A stream that is there at once and holds what is written until CONNECT is answered: the program's
	// timeouts and aborts work meanwhile.
	return class Tunnel extends stream.Duplex {
		constructor(host, port, direct) {
			super({ allowHalfOpen: true });
			this.authority = `${host}:${port}`;
			this.direct = { host, port, ...direct };
			this.open = false;
			this.held = null;
			this.answer = Buffer.alloc(0);
			this.referenced = true;
			this.dial();
		}

		dial() {
			const tcp = net.connect({ host: proxy.host, port: proxy.port, [OWN]: true });
			const ms = proxy.failOpen ? 3000 : 30000;
			this.timer = setTimeout(() => {
				this.away(Object.assign(new Error(`no answer in ${ms / 1000} s`), { code: 'ETIMEDOUT' }));
			}, ms);
			this.timer.unref();
			this.adopt(tcp);
			tcp.on('connect', () => tcp.write(`CONNECT ${this.authority} HTTP/1.1\r\n` +
				`Host: ${this.authority}\r\n` +
				(proxy.authorization ? `Proxy-Authorization: ${proxy.authorization}\r\n` : '') + '\r\n'));
			tcp.on('data', this.onAnswer = (chunk) => this.answered(chunk));
			tcp.on('end', this.onEarly = () => this.away(
				Object.assign(new Error('it closed the connection without an answer'), { code: 'ECONNRESET' })));
			tcp.on('error', this.onFailed = (error) => this.away(error));
		}

		adopt(tcp) {
			this.tcp = tcp;
			tcp.setNoDelay(true);
			if (!this.referenced) {
				tcp.unref();
			}
		}

		// The proxy is not there. (What it answers, it answers: that is in answered.)
		away(error) {
			if (this.open || this.destroyed) {
				return;
			}
			this.release();
			if (!proxy.failOpen) {
				this.destroy(unreachable(proxy, this.authority, error));
				return;
			}
			warnOnce(`the proxy waybill at ${proxy.name} is away (${error.message || error.code}); ` +
				'calls go direct and are not recorded (WAYBILL_FAIL_OPEN)');
			this.tcp.destroy();
			this.adopt(net.connect({ ...this.direct, [OWN]: true }));
			this.tcp.on('connect', () => this.begin());
			this.tcp.on('error', (failure) => this.destroy(failure));
		}

		release() {
			clearTimeout(this.timer);
			this.tcp.removeListener('data', this.onAnswer);
			this.tcp.removeListener('end', this.onEarly);
			this.tcp.removeListener('error', this.onFailed);
			this.tcp.on('error', () => {}); // a late one has nobody to tell
		}

		answered(chunk) {
			this.answer = Buffer.concat([this.answer, chunk]);
			const end = this.answer.indexOf('\r\n\r\n');
			if (end < 0) {
				if (this.answer.length > HEAD_MAX) {
					this.release();
					this.destroy(refused(proxy, this.authority, 'an answer without end\r\n', ''));
				}
				return;
			}
			const head = this.answer.toString('latin1', 0, end + 2);
			const rest = this.answer.subarray(end + 4);
			if (/^HTTP\/1\.[01] 2\d\d(?: |\r)/.test(head)) {
				this.release();
				this.tcp.on('error', (error) => this.destroy(error));
				this.begin(rest);
				return;
			}
			this.refuse(head, rest);
		}

		// Waits for the body, which says why, but not for long.
		refuse(head, rest) {
			const length = Number((/^content-length:\s*(\d+)/im.exec(head) || [])[1] || 0);
			const done = () => {
				this.release();
				this.destroy(refused(proxy, this.authority, head, rest.toString('utf8')));
			};
			if (rest.length >= Math.min(length, HEAD_MAX)) {
				done();
				return;
			}
			this.tcp.removeListener('data', this.onAnswer);
			this.tcp.removeListener('end', this.onEarly);
			this.tcp.on('data', this.onAnswer = (chunk) => {
				rest = Buffer.concat([rest, chunk]);
				if (rest.length >= Math.min(length, HEAD_MAX)) {
					done();
				}
			});
			this.tcp.on('end', this.onEarly = done);
			setTimeout(() => this.destroyed || done(), 500).unref();
		}

		// From here on it is the connection.
		begin(first) {
			this.open = true;
			this.answer = null;
			if (first && first.length > 0) {
				this.push(first);
			}
			this.tcp.on('data', (chunk) => this.push(chunk) || this.tcp.pause());
			this.tcp.on('end', () => this.push(null));
			this.tcp.on('close', () => this.destroy());
			const held = this.held;
			this.held = null;
			if (held) {
				held();
			}
		}

		_read() {
			if (this.open) {
				this.tcp.resume();
			}
		}

		_write(chunk, encoding, done) {
			if (this.open) {
				this.tcp.write(chunk, encoding, done);
			} else {
				this.held = () => this.tcp.write(chunk, encoding, done);
			}
		}

		_final(done) {
			if (this.open) {
				this.tcp.end(done);
			} else {
				this.held = () => this.tcp.end(done);
			}
		}

		_destroy(error, done) {
			clearTimeout(this.timer);
			this.tcp.destroy();
			done(error);
		}

		// An idle connection must not keep the program alive. TLS over a stream has no way to pass
		// these on, so they stand on its socket itself.
		carry(socket) {
			const { ref, unref } = socket;
			socket.ref = (...args) => {
				this.referenced = true;
				this.tcp.ref();
				return ref.apply(socket, args);
			};
			socket.unref = (...args) => {
				this.referenced = false;
				this.tcp.unref();
				return unref.apply(socket, args);
			};
			return socket;
		}
	};
}

// ---- https.Agent

// What of the options says how a direct connection is made.
function directOptions({ lookup, family, hints, localAddress, autoSelectFamily }) {
	const options = { lookup, family, hints, localAddress, autoSelectFamily };
	return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function patchAgents(proxy, https, Tunnel) {
	const original = https.Agent.prototype.createConnection;

	https.Agent.prototype.createConnection = function createConnection(...args) {
		let tunnel = null;
		const options = args[0];
		try {
			const port = options && (options.port || 443);
			if (options && typeof options === 'object' && options.host && !options.socket &&
				!options.socketPath && !options.proxyEnv && !(this && this.options && this.options.proxyEnv) &&
				proxy.takes(options.host, port)) {
				tunnel = new Tunnel(unbracketed(options.host), port, directOptions(options));
			}
		} catch {
			tunnel = null;
		}
		if (!tunnel) {
			return original.apply(this, args);
		}
		// with a socket given it does what is left: TLS, and its cache of sessions
		return tunnel.carry(original.call(this, { ...options, socket: tunnel }, ...args.slice(1)));
	};
}

// ---- fetch and undici

function connectorFor(Tunnel, tls) {
	const sessions = new Map(); // by name, the oldest first

	return function connect(options, callback) {
		const host = unbracketed(options.hostname);
		const servername = options.servername || host;
		const tunnel = new Tunnel(host, options.port || 443, directOptions(options));
		const socket = tunnel.carry(tls.connect({
			socket: tunnel,
			servername,
			session: sessions.get(servername),
			ALPNProtocols: ['http/1.1'],
			highWaterMark: 16384,
		}));
		const timer = setTimeout(() => {
			const error = new Error(`Connect Timeout Error (${host}:${options.port || 443})`);
			error.name = 'ConnectTimeoutError';
			error.code = 'UND_ERR_CONNECT_TIMEOUT';
			socket.destroy(error);
		}, CONNECT_TIMEOUT_MS);
		let told = false;
		const tell = (...result) => {
			clearTimeout(timer);
			if (!told) {
				told = true;
				callback(...result);
			}
		};

		socket.on('session', (session) => {
			sessions.delete(servername);
			sessions.set(servername, session);
			if (sessions.size > 100) {
				sessions.delete(sessions.keys().next().value);
			}
		});
		socket.once('secureConnect', () => tell(null, socket));
		socket.on('error', (error) => {
			sessions.delete(servername);
			tell(error, null);
		});
		return socket;
	};
}

// The class of plain agents: of the dispatcher itself, or of one that it holds (NODE_USE_ENV_PROXY).
function agentClass(dispatcher) {
	const plain = [dispatcher, ...Object.getOwnPropertySymbols(dispatcher).map((name) => dispatcher[name])]
		.find((value) => value && value.constructor && value.constructor.name === 'Agent' &&
			typeof value.dispatch === 'function');
	return plain ? plain.constructor : null;
}

function splitDispatcher(proxy, previous, Agent, connect) {
	return new (class WaybillAgent extends Agent {
		dispatch(options, handler) {
			let routed = false;
			try {
				const url = new URL(options.origin);
				routed = url.protocol === 'https:' && proxy.takes(url.hostname, url.port || 443);
			} catch {
				routed = false;
			}
			return routed ? super.dispatch(options, handler) : previous.dispatch(options, handler);
		}
	})({ connect });
}

function patchDispatchers(proxy, connect) {
	void globalThis.Headers; // loads Node's own undici, which makes its dispatcher
	for (const version of [1, 2]) {
		const name = Symbol.for(`undici.globalDispatcher.${version}`);
		const previous = globalThis[name];
		const Agent = previous && agentClass(previous);
		if (Agent) {
			Object.defineProperty(globalThis, name, {
				value: splitDispatcher(proxy, previous, Agent, connect),
				writable: true,
				enumerable: false,
				configurable: Object.getOwnPropertyDescriptor(globalThis, name).configurable,
			});
		}
	}
}

// ---- WAYBILL_FAIL_OPEN for those who speak to the proxy themselves

function pipeBoth(a, b) {
	a.pipe(b);
	b.pipe(a);
	for (const [one, other] of [[a, b], [b, a]]) {
		one.on('error', () => other.destroy());
		one.on('close', () => other.destroy());
	}
}

// Does what the proxy would do, unrecorded: CONNECT, and requests in absolute-form.
function directProxy(net, http, https) {
	const server = http.createServer((request, response) => {
		const headers = { ...request.headers };
		delete headers['proxy-authorization'];
		delete headers['proxy-connection'];
		try {
			const url = new URL(request.url);
			const out = (url.protocol === 'https:' ? https : http).request(url,
				{ method: request.method, headers }, (answer) => {
					response.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders);
					answer.pipe(response);
				});
			out.on('error', (error) => {
				response.writeHead(502, { connection: 'close' });
				response.end(error.message);
			});
			request.pipe(out);
		} catch (error) {
			response.destroy(error);
		}
	});
	server.on('connect', (request, client, first) => {
		const url = new URL('http://' + request.url);
		const target = net.connect({ host: unbracketed(url.hostname), port: Number(url.port || 80), [OWN]: true });
		target.unref();
		// never without an answer: some would connect again in a tight loop
		const failed = (error) => client.end('HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n' + error.message);
		target.on('error', failed);
		target.on('connect', () => {
			target.removeListener('error', failed);
			client.write('HTTP/1.1 200 Connection established\r\n\r\n');
			target.write(first);
			pipeBoth(client, target);
		});
	});
	return server;
}

// Leads connections to the proxy through this process, which goes direct where it is away.
function patchConnect(proxy, net, http, https) {
	const direct = directProxy(net, http, https);
	const path = `\0waybill-${process.pid}-${require('node:crypto').randomBytes(16).toString('hex')}`;
	const relay = net.createServer((client) => {
		const upstream = net.connect({ host: proxy.host, port: proxy.port, [OWN]: true });
		client.unref(); // the program's own end of it is what keeps it alive
		upstream.unref();
		client.on('error', () => upstream.destroy());
		upstream.once('connect', () => {
			upstream.removeAllListeners('error');
			pipeBoth(client, upstream);
		});
		upstream.once('error', (error) => {
			warnOnce(`the proxy waybill at ${proxy.name} is away (${error.message || error.code}); ` +
				'calls go direct and are not recorded (WAYBILL_FAIL_OPEN)');
			direct.emit('connection', client);
		});
	});
	relay.on('error', () => {});
	relay.listen({ path, exclusive: true });
	relay.unref();

	const original = net.Socket.prototype.connect;
	net.Socket.prototype.connect = function connect(...args) {
		try {
			const list = Array.isArray(args[0]) ? args[0] : args; // what net.connect has made of its own
			const options = list[0];
			if (relay.listening && options && typeof options === 'object' && !options[OWN] && !options.path &&
				Number(options.port) === proxy.port && unbracketed(options.host || 'localhost') === proxy.host) {
				list[0] = { ...options, path, host: undefined, port: undefined };
			}
		} catch {
			// as it was asked for
		}
		return original.apply(this, args);
	};
}

// ---- all together

function install() {
	const proxy = settingsFrom(process.env);
	const [net, tls, http, https, stream] =
		['net', 'tls', 'http', 'https', 'stream'].map((name) => require('node:' + name));
	const Tunnel = tunnelClass(proxy, net, stream);

	patchAgents(proxy, https, Tunnel);
	if (proxy.failOpen) {
		patchConnect(proxy, net, http, https);
	}
	if (typeof globalThis.fetch === 'function') {
		patchDispatchers(proxy, connectorFor(Tunnel, tls));
	}
}

if (process.env.WAYBILL_PROXY && !globalThis[MARK]) {
	Object.defineProperty(globalThis, MARK, { value: true });
	try {
		install();
	} catch (error) {
		warnOnce(`waybill's preload.cjs is not active: ${error.message}`);
	}
}
