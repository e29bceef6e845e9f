// A web server as anyone writes one, which knows nothing of telemetry: Node starts it with the auto-instrumentation.
// It asks itself for orders, says in its log which fifth of them fails, and ends.
const { createServer, get } = require("node:http");
const log = require("pino")();

const server = createServer((request, response) => {
  const number = Number(request.url.split("/").at(-1));
  const isGone = number % 5 === 0;
  if (isGone) log.error({ order: number }, `order ${number} is gone`);
  response.writeHead(isGone ? 500 : 200).end(`${number}`);
});

function order(port, number) {
  return new Promise((resolve) => {
    get({ port, path: `/orders/${number}` }, (answer) => answer.resume().once("end", resolve));
  });
}

server.listen(0, "127.0.0.1", async () => {
  const { port } = server.address();
  for (let number = 1; number <= Number(process.argv[2]); number++) await order(port, number);
  server.close();
  // As a container's runtime would.
  process.kill(process.pid, "SIGTERM");
});
