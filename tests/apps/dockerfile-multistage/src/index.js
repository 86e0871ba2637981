const app = require('fastify')()
const text = `dockerfile-multistage on Node ${process.version}, user ${process.getuid()}\n`

app.get('/', () => text)
app.get('/health', () => text)
app.listen({ port: Number(process.env.PORT || 3000), host: '::' })
process.on('SIGTERM', () => app.close().then(() => process.exit(0)))
