module.exports = () => ({ people: ['name'] })
