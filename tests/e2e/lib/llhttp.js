// SPDX-License-Identifier: MIT
// Feeds messages to Node's own HTTP server over raw sockets and prints what llhttp made of each.
// Standard input: a JSON array of base64 texts. Standard output: a JSON array of
// {messages: [[method, body in hex], …], bad: code or null}.
const http = require('http');
const net = require('net');

const inputs = JSON.parse(require('fs').readFileSync(0)).map((text) => Buffer.from(text, 'base64'));
const results = inputs.map(() => ({ messages: [], bad: null }));
const byPort = new Map();
const AT_ONCE = 40;

function onRequest(request, response) {
  const result = byPort.get(request.socket.remotePort);
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    result.messages.push([request.method, Buffer.concat(parts).toString('hex')]);
    response.end();
  });
  request.on('error', () => {});
}

const server = http.createServer(
  { insecureHTTPParser: false, maxHeaderSize: 1 << 20, keepAliveTimeout: 0 }, onRequest);
server.maxHeadersCount = 0;
server.on('checkExpectation', onRequest);
server.on('connect', (request, socket) => {
  byPort.get(socket.remotePort).messages.push([request.method, '']);
  socket.end();
});
server.on('clientError', (error, socket) => {
  const result = byPort.get(socket.remotePort);
  // the end of the input inside a message is no fault of its syntax
  result.bad = error.code === 'HPE_INVALID_EOF_STATE' ? null : error.code;
  result.cut = error.code === 'HPE_INVALID_EOF_STATE';
  socket.destroy();
});

function feed(index, done) {
  const socket = net.connect({ port: server.address().port, host: '127.0.0.1' });
  socket.on('connect', () => {
    byPort.set(socket.localPort, results[index]);
    socket.end(inputs[index]);
  });
  socket.on('data', (data) => {
    // what Node refuses above its parser (no Host, an unknown expectation)
    if (/^HTTP\/1\.1 4/.test(data.toString('latin1')) && !results[index].bad) {
      results[index].bad = 'STATUS_' + data.toString('latin1').slice(9, 12);
    }
  });
  socket.on('error', () => {});
  socket.on('close', done);
}

server.listen(0, '127.0.0.1', () => {
  let next = 0;
  let open = 0;
  (function more() {
    if (next === inputs.length && open === 0) {
      process.stdout.write(JSON.stringify({ node: process.version, llhttp: process.versions.llhttp,
        methods: http.METHODS, results }), () => process.exit(0));
    }
    while (open < AT_ONCE && next < inputs.length) {
      open++;
      feed(next++, () => { open--; setImmediate(more); });
    }
  })();
});
