const http = require('http')

const port = Number(process.argv[process.argv.indexOf('--port') + 1])
const server = http.createServer((request, response) => response.end('procfile, started by its Procfile\n'))
server.listen(port)
process.on('SIGTERM', () => server.close())
