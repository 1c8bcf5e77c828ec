// Runs an agent in a sandbox. Started with the folder of the attempt, whose launch.json says everything.
// A port on the sandbox's own loopback leads to the gateway's socket, so that no network is needed.
import { spawn } from "node:child_process";
import { createReadStream, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { dirname, join } from "node:path";

const attempt = process.argv[2];
const told = JSON.parse(readFileSync(join(attempt, "launch.json"), "utf8"));
const server = createServer((agent) => {
  const gateway = connect(join(attempt, "s"));
  agent.on("error", () => gateway.destroy());
  gateway.on("error", () => agent.destroy());
  agent.pipe(gateway).pipe(agent);
});

server.listen(0, "127.0.0.1", () => {
  const fill = (text) => text.replaceAll("@PORT@", String(server.address().port));
  for (const [path, text] of Object.entries(told.files)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, fill(text));
  }
  if (told.skills !== null) {
    mkdirSync(told.skills, { recursive: true });
    for (const name of readdirSync(join(attempt, "skills"))) {
      symlinkSync(join(attempt, "skills", name), join(told.skills, name));
    }
  }
  mkdirSync(told.state, { recursive: true });
  const env = { ...process.env };
  for (const [name, value] of Object.entries(told.env)) env[name] = fill(value);
  const agent = spawn(told.argv[0], told.argv.slice(1).map(fill), { env, stdio: ["pipe", "inherit", "inherit"] });
  agent.on("error", (error) => {
    console.error(`the agent cannot be started: ${error.message}`);
    process.exit(127);
  });
  agent.stdin.on("error", () => {});
  createReadStream(join(attempt, "instruction")).pipe(agent.stdin);
  agent.on("exit", (code, signal) => process.exit(signal === null ? code : 128 + 9));
});
