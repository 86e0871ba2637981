const http = require('node:http')
const fs = require('node:fs')

// What a test asks: is it built, which variables has it got, can it write a line.
const answers = {
  '/health': () => 'healthy',
  '/': () => fs.readFileSync('built', 'utf8'),
  '/env': () => Object.entries(process.env).map(([name, value]) => `${name}=${value}`).join('\n'),
  '/log': () => (console.log('a line for those who follow'), 'logged'),
}

const server = http.createServer((request, response) => {
  const answer = answers[request.url]
  response.writeHead(answer ? 200 : 404)
  response.end(answer ? answer() : 'not found')
})
server.listen(Number(process.env.PORT ?? 3000), () => console.log(`listening on ${server.address().port}`))
process.on('SIGTERM', () => server.close(() => process.exit(0)))
