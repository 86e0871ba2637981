import http from 'node:http'

const name: string = 'node-devdep-start'
const server = http.createServer((_request, response) => {
  response.end(`${name} straight from TypeScript\n`)
})
server.listen(Number(process.env.PORT ?? 3000))
process.on('SIGTERM', () => server.close())
