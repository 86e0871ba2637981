module.exports = () => ({ people: ['id', 'email'] })
