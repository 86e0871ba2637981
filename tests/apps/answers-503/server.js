const http = require('http')

const server = http.createServer((request, response) => {
  response.statusCode = 503
  response.end('answers-503\n')
})
server.listen(process.env.PORT || 3000, () => console.log('answers-503 is listening'))
process.on('SIGTERM', () => server.close())
