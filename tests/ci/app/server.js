const http = require('http')

const server = http.createServer((request, response) => response.end(`ci-app ${process.env.REVISION || ''}\n`))
server.listen(process.env.PORT || 3000)
process.on('SIGTERM', () => server.close())
