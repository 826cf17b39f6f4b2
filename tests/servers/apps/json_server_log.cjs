// Preload for json-server, which writes no access log and ignores --host:
//   node --require ./json_server_log.cjs node_modules/json-server/lib/bin.js db.json
// Logs each response in the common log format, and keeps the server on the loopback interface.
const diagnostics = require("node:diagnostics_channel");
const net = require("node:net");

const targets = new WeakMap(); // the router of json-server rewrites `request.url`
diagnostics.subscribe("http.server.request.start", ({ request }) => targets.set(request, request.url));
diagnostics.subscribe("http.server.response.finish", ({ request, response }) => {
  const { method, httpVersion, socket } = request;
  const line = `"${method} ${targets.get(request)} HTTP/${httpVersion}" ${response.statusCode}`;
  console.log(`${socket.remoteAddress} - - ${line}`);
});

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...given) {
  return typeof given[0] === "number" ? listen.call(this, given[0], "127.0.0.1", ...given.slice(1)) : listen.apply(this, given);
};
