// SPDX-License-Identifier: MIT
//
// preload_cases.mjs CASE: one thing that a program does under clients/node/preload.cjs; prints what came.
import childProcess from 'node:child_process';
import http from 'node:http';
import https, { get as importedGet } from 'node:https';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import worker from 'node:worker_threads';

const require = createRequire(import.meta.url);
const SELF = fileURLToPath(import.meta.url);
const RESEND = 'https://api.resend.com/emails';

function ask(url, options = {}, body) {
	return new Promise((resolve, reject) => {
		const request = https.request(url, options, (answer) => {
			const parts = [];
			answer.on('data', (part) => parts.push(part));
			answer.on('end', () => resolve({ status: answer.statusCode, body: Buffer.concat(parts),
				reused: request.socket.isSessionReused(), port: request.socket.remotePort }));
			answer.on('error', reject);
		});
		request.on('error', reject);
		request.on('timeout', () => request.destroy(new Error('timed out')));
		request.end(body);
	});
}

const reason = (error) => `${error.code}: ${error.message}` + (error.cause ? ` / ${reason(error.cause)}` : '');
const status = async (promise) => {
	try {
		return (await promise).status;
	} catch (error) {
		return reason(error);
	}
};
const once = (emitter, name) => new Promise((resolve) => emitter.once(name, resolve));

const CASES = {
	// by each of the two ways; the URL is the second argument
	https: (url) => status(ask(url)),
	fetch: (url) => status(fetch(url)),
	http: (url) => new Promise((resolve) => http.get(url, (answer) => resolve(answer.resume().statusCode))
		.on('error', (error) => resolve(reason(error)))),

	imported: () => new Promise((resolve) => importedGet(RESEND, (answer) => resolve(answer.resume().statusCode))),
	worker: async () => (await once(new worker.Worker(SELF, { argv: ['fetch', RESEND], stdout: false,
		workerData: 'told' }), 'message')),
	child: () => childProcess.execFileSync(process.execPath, [SELF, 'https', RESEND], { encoding: 'utf8' }).trim(),
	// what is once only must not be twice in a chain of --require
	twice: () => {
		const { createConnection } = https.Agent.prototype;
		const file = process.env.NODE_OPTIONS.match(/[^ "=]*preload\.cjs/)[0];
		delete require.cache[require.resolve(file)];
		require(file);
		return createConnection === https.Agent.prototype.createConnection;
	},
	// an idle connection of either kind must not keep the program alive
	idle: async () => {
		const agent = new https.Agent({ keepAlive: true });
		const one = await ask(RESEND, { agent });
		const two = await ask(RESEND, { agent });
		await (await fetch(RESEND)).text();
		return one.status === 200 && two.status === 200;
	},
	// a connection a call: the second one's handshake is short
	sessions: async () => {
		const agent = new https.Agent({ keepAlive: false });
		return [await ask(RESEND, { agent }), await ask(RESEND, { agent })].map((one) => one.reused);
	},
	parallel: async () => {
		const agent = new https.Agent({ keepAlive: true });
		const calls = Array.from({ length: 100 }, (_, i) =>
			i % 2 ? ask(RESEND, { method: 'POST', agent }, 'x') : fetch(RESEND, { method: 'POST', body: 'x' }));
		return (await Promise.all(calls)).every((one) => one.status === 200);
	},
	big: async () => {
		const body = Buffer.alloc(8 << 20, 'щ');
		const one = await ask(`${RESEND}/echo`, { method: 'POST' }, body);
		const two = await fetch(`${RESEND}/echo`, { method: 'POST', body });
		return one.body.equals(body) && Buffer.from(await two.arrayBuffer()).equals(body);
	},
	// the program's own limits hold while CONNECT is not answered
	timeout: () => status(ask(RESEND, { timeout: 300 })),
	abort: () => status(ask(RESEND, { signal: AbortSignal.timeout(300) })),
	'fetch-abort': () => status(fetch(RESEND, { signal: AbortSignal.timeout(300) })),
	// an agent that makes its own connections stays in charge of them
	'own-agent': async () => {
		class Own extends https.Agent {
			createConnection() {
				throw Object.assign(new Error('mine'), { code: 'OWN' });
			}
		}
		return status(ask(RESEND, { agent: new Own() }));
	},
};

const result = await CASES[process.argv[2]](...process.argv.slice(3));
if (worker.workerData === 'told') {
	worker.parentPort.postMessage(result);
} else {
	console.log(typeof result === 'string' ? result : JSON.stringify(result));
	if (process.argv[2] === 'fetch-abort') {
		process.exit(); // undici keeps on connecting for 10 s, as it does without us
	}
}
